import Testing

@testable import LoadGenerator

@Suite("The table of durations")
struct LoadDistributionTests {
    @Test(
        "percentiles are at most 4 % too large and never too small",
        arguments: [1, 63, 64, 100, 1000, 77_777, 59_000_000])
    func precision(microseconds: Int) throws {
        var table = LoadDistribution()
        table.add(.microseconds(microseconds))
        table.add(.seconds(3000))
        let value = try #require(table.percentile(0.5)) * 1000
        #expect(value >= Double(microseconds) && value <= Double(microseconds) * 1.04)
    }

    @Test("the median and the last hundredth of a hundred values are those that they should be")
    func percentiles() throws {
        var table = LoadDistribution()
        for value in (1...100).reversed() { table.add(.milliseconds(value)) }
        #expect(abs(try #require(table.percentile(0.5)) - 50) <= 2)
        #expect(abs(try #require(table.percentile(0.99)) - 99) <= 4)
        #expect(table.percentile(1) == 100)
        #expect(table.mean == 50.5 && table.count == 100)
    }

    @Test("nothing counted has no percentile, and what is out of bounds counts as the bound")
    func bounds() {
        var table = LoadDistribution()
        #expect(table.percentile(0.5) == nil && table.mean == nil)
        table.add(.seconds(-5))
        #expect(table.percentile(0.5) == 0)
        table.add(.seconds(1_000_000_000))
        #expect(table.percentile(1) == 3_600_000)
    }

    @Test(
        "numbers are written with the digits that say something",
        arguments: [
            (0.0, "0.000"), (0.3049, "0.305"), (1.005, "1.00"), (12.34, "12.3"), (345.6, "346"), (-2.5, "-2.50"),
        ])
    func numbers(value: Double, text: String) {
        #expect(LoadText.number(value) == text)
    }
}
