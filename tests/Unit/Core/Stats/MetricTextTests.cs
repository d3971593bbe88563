using System.Text.Json;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Core.Stats;

namespace NativeKubelet.Tests.Unit.Core.Stats;

public sealed class MetricTextTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    [Fact]
    public void A_family_has_its_head_once_and_none_without_samples()
    {
        using MetricText text = new();
        text.Family("a_total", "counter", "[ALPHA] A.");
        text.Sample("", 1);
        text.Sample(MetricText.Label("l", "x\"y\\z\n"), 1.5, 1234, "m=\"1\"");
        text.Family("b", "gauge", "B.").Known("", null);

        Assert.Equal("# HELP a_total [ALPHA] A.\n# TYPE a_total counter\na_total 1\na_total{l=\"x\\\"y\\\\z\\n\",m=\"1\"} 1.5 1234\n", text.ToString());
    }

    [Fact]
    public void Numbers_are_written_whole_however_long_the_text_becomes()
    {
        using MetricText text = new();
        text.Family("a", "gauge", "A.");
        for (int i = 0; i < 10_000; i++) text.Sample($"i=\"{i}\"", (long)1e15 + i);

        string[] lines = text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal((10_002, "a{i=\"9999\"} 1000000000009999"), (lines.Length, lines[^1]));
    }

    [Fact]
    public void A_metrics_server_reads_whole_pods_with_the_time_of_their_measurement()
    {
        NodeStats stats = Stats(Pod("whole", Used(3_000_000_000, 100)), Pod("half", Used(1, 1), default));
        using MetricText text = new();

        ResourceMetrics.Write(stats, text);

        string page = text.ToString();
        Assert.Contains("container_cpu_usage_seconds_total{container=\"c0\",namespace=\"default\",pod=\"whole\"} 3 1767323045678\n", page, StringComparison.Ordinal);
        Assert.Contains("container_memory_working_set_bytes{container=\"c0\",namespace=\"default\",pod=\"whole\"} 100 1767323045678\n", page, StringComparison.Ordinal);
        Assert.Contains("container_start_time_seconds{container=\"c0\",namespace=\"default\",pod=\"whole\"} 1767323045.678\n", page, StringComparison.Ordinal);
        Assert.Contains("node_cpu_usage_seconds_total 9 1767323045678\n", page, StringComparison.Ordinal);
        Assert.Contains("pod_memory_working_set_bytes{namespace=\"default\",pod=\"whole\"} 100 1767323045678\n", page, StringComparison.Ordinal);
        Assert.Contains("resource_scrape_error 0\n", page, StringComparison.Ordinal);
        Assert.DoesNotContain("half", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_summary_has_the_names_that_its_readers_know_and_leaves_out_what_is_not_known()
    {
        NodeStats stats = Stats(Pod("web", Used(2_000_000_000, 100)));

        JsonElement whole = JsonSerializer.SerializeToElement(SummaryBuilder.Build(stats, onlyCpuAndMemory: false), StatsJson.Default.SummaryDocument);
        JsonElement node = whole.GetProperty("node"), pod = whole.GetProperty("pods")[0];

        Assert.Equal("2026-01-02T03:04:05Z", node.GetProperty("cpu").GetProperty("time").GetString());
        Assert.Equal(9_000_000_000, node.GetProperty("cpu").GetProperty("usageCoreNanoSeconds").GetInt64());
        Assert.False(node.GetProperty("cpu").TryGetProperty("usageNanoCores", out _));
        Assert.Equal(1000 - 500, node.GetProperty("memory").GetProperty("availableBytes").GetInt64());
        Assert.Equal(("eth0", 7), (node.GetProperty("network").GetProperty("name").GetString(), node.GetProperty("network").GetProperty("rxBytes").GetInt64()));
        Assert.Equal(60, node.GetProperty("fs").GetProperty("inodesUsed").GetInt64());
        Assert.Equal(40, node.GetProperty("runtime").GetProperty("imageFs").GetProperty("inodesFree").GetInt64());
        Assert.Equal((4000, 12), (node.GetProperty("rlimit").GetProperty("maxpid").GetInt64(), node.GetProperty("rlimit").GetProperty("curproc").GetInt64()));
        Assert.Equal("web", pod.GetProperty("podRef").GetProperty("name").GetString());
        Assert.Equal(12, pod.GetProperty("process_stats").GetProperty("process_count").GetInt64());
        Assert.False(pod.TryGetProperty("network", out _));
        Assert.Equal(900, pod.GetProperty("containers")[0].GetProperty("memory").GetProperty("availableBytes").GetInt64());

        JsonElement lean = JsonSerializer.SerializeToElement(SummaryBuilder.Build(stats, onlyCpuAndMemory: true), StatsJson.Default.SummaryDocument);
        Assert.False(lean.GetProperty("node").TryGetProperty("fs", out _));
        Assert.True(lean.GetProperty("pods")[0].GetProperty("containers")[0].TryGetProperty("cpu", out _));
    }

    private static UsageFigures Used(long cpu, long memory) => new(cpu, null, memory + 10, memory, memory, 1, 0, 12);

    private static PodStats Pod(string name, params UsageFigures[] containers) => new(
        "default", name, "u-" + name, At, containers[0], [], [.. containers.Select((u, i) => new ContainerStats($"c{i}", At, u, 1000))]);

    private static NodeStats Stats(params PodStats[] pods) => new(
        At, "node-1", At.AddDays(-1), Used(9_000_000_000, 500), 1000, 4000, new(100, 50, 50, 100, 40), new(100, 50, 50, 100, 40),
        [new InterfaceFigures("eth0", 7, 0, 0, 0, 8, 0, 0, 0)], "eth0", [new GroupStats("pods", Used(1, 1))], [.. pods]);
}
