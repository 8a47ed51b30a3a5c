/// A first-in-first-out queue with random access. Costs nothing while empty.
struct SCTPQueue<Element> {
    /// Elements that were taken out stay in front until they outnumber the rest.
    private var storage: [Element] = []
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { count == 0 }
    var first: Element? { isEmpty ? nil : storage[head] }
    var last: Element? { isEmpty ? nil : storage[storage.count - 1] }

    /// `index` counts from the front and must be below `count`.
    subscript(index: Int) -> Element {
        get { storage[head + index] }
        _modify { yield &storage[head + index] }
    }

    mutating func append(_ element: Element) { storage.append(element) }

    mutating func popFirst() -> Element? {
        guard head < storage.count else { return nil }
        let element = storage[head]
        head += 1
        if head == storage.count {
            // A burst should not keep its memory for the rest of an idle association.
            storage.removeAll(keepingCapacity: storage.capacity <= 16)
            head = 0
        } else if head >= 32, head >= count {
            storage.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func removeAll() {
        storage = []
        head = 0
    }
}
