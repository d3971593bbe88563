using NativeKubelet.Api.Local;
using NativeKubelet.Cli.Top;
using NativeKubelet.Linux.Terminals;

namespace NativeKubelet.Tests.Unit.App.Cli;

public sealed class TopScreenTests
{
    private static readonly DateTimeOffset T0 = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_wide_window_shows_bars_and_sparklines_against_limits() => Assert.Equal("""
        n1  v1.36.2  runc 1.1.5  pods 2/2 ready
        CPU  ████▌░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░    450m of 4000m   11%                                             ▁▁▁
        MEM  ▎░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░    43Mi of 8.0Gi    1%                                             ▁▁▁

        POD                  CPU                   LIMIT                      MEMORY                   LIMIT
        default/web         450m                   -                     ▂▄█    43Mi                   -                     ▂▄█
          app               225m ███████▋░░░░░░░░░ 500m                  ▁▂▄    21Mi █████▊░░░░░░░░░░░ 64Mi                  ▁▂▃
          side              225m                   -                     ▂▄█    21Mi                   -                     ▂▄█
        default/dns         225m █████████████████ 100m                  ▅██    21Mi ███████████▍░░░░░ 32Mi                  ▂▃▆
        q leaves
        """, Draw(120, 12));

    [Fact]
    public void A_narrow_window_shows_the_figures_alone() => Assert.Equal("""
        n1  v1.36.2  runc 1.1.5  pods 2/2 ready
        CPU  █▋░░░░░░░░░░░░    450m of 4000m   11%           ▁▁▁
        MEM  ▏░░░░░░░░░░░░░    43Mi of 8.0Gi    1%           ▁▁▁

        POD                  CPU LIMIT   MEMORY LIMIT
        default/web         450m -         43Mi -
          app               225m 500m      21Mi 64Mi
          side              225m -         21Mi -
        default/dns         225m 100m      21Mi 32Mi
        q leaves
        """, Draw(60, 12));

    [Fact]
    public void A_low_window_says_what_it_leaves_out() => Assert.Equal("""
        n1  v1.36.2  runc 1.1.5  pods 2/2 ready
        CPU  ██▊░░░░░░░░░░░░░░░░░░░░░    450m of 4000m   11%                     ▁▁▁
        MEM  ▏░░░░░░░░░░░░░░░░░░░░░░░    43Mi of 8.0Gi    1%                     ▁▁▁

        POD                  CPU         LIMIT            MEMORY         LIMIT
        default/web         450m         -           ▂▄█    43Mi         -           ▂▄█
          app               225m ███▏░░░ 500m        ▁▂▄    21Mi ██▍░░░░ 64Mi        ▁▂▃
        … 2 more lines; make the window higher, or use 'nativekubelet top --once'
        q leaves
        """, Draw(80, 9));

    [Fact]
    public void Before_the_first_round_of_samples_that_is_said() =>
        Assert.Contains("waiting for the first round of samples", TopScreen.Render([Frame(0) with { Usage = new(default, new(null, null, null, null), []) }], new(24, 80)));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 10)]
    [InlineData(24, 33)]
    [InlineData(50, 400)]
    public void Nothing_is_wider_or_higher_than_the_window(int rows, int columns)
    {
        IReadOnlyList<string> lines = TopScreen.Render(History, new(rows, columns));

        Assert.True(lines.Count <= rows);
        Assert.All(lines, l => Assert.True(l.Length <= columns));
    }

    [Theory]
    [InlineData(0d, 10d, "░░░░")]
    [InlineData(0.001, 10d, "▏░░░")]
    [InlineData(5d, 10d, "██░░")]
    [InlineData(99d, 10d, "████")]
    [InlineData(5d, null, "    ")]
    public void Bars_are_full_at_the_limit(double value, double? limit, string expected) => Assert.Equal(expected, TopScreen.Bar(value, limit, 4));

    [Fact]
    public void Sparklines_keep_the_newest_and_leave_gaps_where_nothing_is_known() =>
        Assert.Equal(" ▁▅ █", TopScreen.Spark([0, 5, null, 10], null, 5));

    private static IReadOnlyList<TopFrame> History => [Frame(100), Frame(200), Frame(450)];

    private static string Draw(int columns, int rows) => string.Join('\n', TopScreen.Render(History, new TerminalSize(rows, columns)));

    private static TopFrame Frame(int milli)
    {
        UsageFigures some = new(milli * 1_000_000L, milli * 100_000L, 0, 3), half = new(milli * 500_000L, milli * 50_000L, 0, 1);
        return new(
            new("n1", "v1.36.2", 1, T0, "v2", "cgroupfs", "runc 1.1.5", true, "", new("", "", "", "", "")),
            new(1, [Pod("web", [Container("app", 500, 64 << 20), Container("side", null, null)]), Pod("dns", [Container("dns", 100, 32 << 20)])]),
            new(T0.AddMilliseconds(milli), some, [new("web", some, [new("app", "1", half), new("side", "2", half)]), new("dns", half, [new("dns", "3", half)])]),
            new(4000, 8L << 30));
    }

    private static PodDocument Pod(string name, ContainerDocument[] containers) =>
        new("default", name, name, "Running", "Running", "", "", "Burstable", "file", T0, T0, "", containers);

    private static ContainerDocument Container(string name, long? cpu, long? memory) =>
        new(name, name, "busybox:1", "", "running", "", "", null, T0, true, 0, false, false, cpu, memory, "", "");
}
