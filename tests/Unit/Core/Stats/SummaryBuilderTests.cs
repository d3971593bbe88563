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

    private static PodSummary Summary(bool lean, params VolumeStats[] volumes) => Assert.Single(SummaryBuilder.Build(
        new(At, "n1", At, default, 1, 1, null, null, [], "", [], [new("default", "web", "u", At, default, [], []) { Volumes = [.. volumes] }]), lean).Pods);
}
