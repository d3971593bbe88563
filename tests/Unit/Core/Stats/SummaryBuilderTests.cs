using System.Text.Json;
using NativeKubelet.Api.Kubelet;
using NativeKubelet.Core.Stats;

namespace NativeKubelet.Tests.Unit.Core.Stats;

public sealed class SummaryBuilderTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_volume_tells_its_own_use_and_the_claim_that_it_is_of()
    {
        VolumeSummary volume = Assert.Single(Summary(lean: false, new VolumeStats("data", "claim", At, new(1000, 600, 30, 90, 70), 4)).Volumes!.Value);

        Assert.Equal(new VolumeSummary("data", new("claim", "default"), "2026-01-02T03:04:05Z", 600, 1000, 30, 70, 90, 4), volume);
    }

    [Fact]
    public void Who_asks_for_processor_and_memory_alone_hears_nothing_of_volumes() =>
        Assert.Null(Summary(lean: true, new VolumeStats("data", null, At, new(1000, 600, 30, 90, 70), 4)).Volumes);

    [Fact]
    public void A_pod_without_volumes_has_no_list_of_them() => Assert.Null(Summary(lean: false).Volumes);

    [Fact]
    public void A_container_tells_what_it_takes_of_disks_what_lies_in_swap_and_how_long_it_waited()
    {
        PressureFigures waited = new(new(1.5, 2, 3, 400), new(0, 0, 0, 7));
        UsageFigures usage = new(1, null, 10, 10, 1, 1, 1, 1) { Strain = new(30, 100, waited, waited, waited) };
        ContainerStats container = new("main", At, usage, null) { Layer = new(At, 5000, 6), Logs = new(At, 700, 1) };
        NodeStats node = new(At, "n1", At, usage, 1, 1, new(1000, 600, 400, 90, 70), new(9000, 8000, 1000, 50, 40), [], "", [], [new("default", "web", "u", At, usage, [], [container]) { Ephemeral = new(At, 5700, 7) }]);

        JsonElement pod = JsonSerializer.SerializeToElement(SummaryBuilder.Build(node, onlyCpuAndMemory: false), StatsJson.Default.SummaryDocument).GetProperty("pods")[0];

        JsonElement main = pod.GetProperty("containers")[0];
        Assert.Equal((5000, 9000, 6), (Number(main, "rootfs", "usedBytes"), Number(main, "rootfs", "capacityBytes"), Number(main, "rootfs", "inodesUsed")));
        Assert.Equal((700, 600), (Number(main, "logs", "usedBytes"), Number(main, "logs", "availableBytes")));
        Assert.Equal((5700, 1000), (Number(pod, "ephemeral-storage", "usedBytes"), Number(pod, "ephemeral-storage", "capacityBytes")));
        Assert.Equal((30, 70), (Number(main, "swap", "swapUsageBytes"), Number(main, "swap", "swapAvailableBytes")));
        foreach (string resource in (string[])["cpu", "memory", "io"])
        {
            JsonElement psi = main.GetProperty(resource).GetProperty("psi");
            Assert.Equal((400, 7), (Number(psi, "some", "total"), Number(psi, "full", "total")));
            Assert.Equal(1.5, psi.GetProperty("some").GetProperty("avg10").GetDouble());
        }

        JsonElement lean = JsonSerializer.SerializeToElement(SummaryBuilder.Build(node, onlyCpuAndMemory: true), StatsJson.Default.SummaryDocument).GetProperty("pods")[0].GetProperty("containers")[0];
        Assert.True(lean.TryGetProperty("swap", out _));
        Assert.False(lean.TryGetProperty("rootfs", out _) || lean.TryGetProperty("io", out _));

        static long Number(JsonElement of, string part, string name) => of.GetProperty(part).GetProperty(name).GetInt64();
    }

    private static PodSummary Summary(bool lean, params VolumeStats[] volumes) => Assert.Single(SummaryBuilder.Build(
        new(At, "n1", At, default, 1, 1, null, null, [], "", [], [new("default", "web", "u", At, default, [], []) { Volumes = [.. volumes] }]), lean).Pods);
}
