/// A first-in-first-out queue with random access. An append and a pop cost a step each, however long it is; it costs no
/// memory before the first append.
///
/// Public and inlinable, since only such generic types are specialised in other targets.
@frozen
public struct FIFO<Element> {
    /// Elements that were taken out stay in front until they outnumber the others.
    @usableFromInline var storage: [Element] = []
    @usableFromInline var head = 0
    /// A queue that has run empty keeps room for so many; a burst does not keep its memory for ever.
    @usableFromInline let keptCapacity: Int

    /// An empty queue.
    ///
    /// - Parameter keptCapacity: a queue that has run empty keeps room for so many.
    @inlinable
    public init(keepingCapacity keptCapacity: Int = 16) { self.keptCapacity = keptCapacity }

    /// How many elements wait.
    @inlinable public var count: Int { storage.count - head }
    /// Whether none waits.
    @inlinable public var isEmpty: Bool { storage.count == head }
    /// The oldest.
    @inlinable public var first: Element? { isEmpty ? nil : storage[head] }
    /// The youngest.
    @inlinable public var last: Element? { isEmpty ? nil : storage[storage.count - 1] }

    /// `index` counts from the front and must be below `count`.
    @inlinable
    public subscript(index: Int) -> Element {
        get { storage[head + index] }
        _modify { yield &storage[head + index] }
    }

    /// Adds an element behind all others.
    @inlinable
    public mutating func append(_ element: Element) { storage.append(element) }

    /// Takes the oldest; nil when none waits.
    @inlinable
    public mutating func popFirst() -> Element? {
        guard head < storage.count else { return nil }
        let element = storage[head]
        head += 1
        if head == storage.count {
            storage.removeAll(keepingCapacity: storage.capacity <= keptCapacity)
            head = 0
        } else if head >= 32, head >= count {
            storage.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Gives all of them up.
    @inlinable
    public mutating func removeAll() {
        storage.removeAll(keepingCapacity: storage.capacity <= keptCapacity)
        head = 0
    }
}

extension FIFO: Sendable where Element: Sendable {}
