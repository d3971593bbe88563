using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Eviction;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Tests.Unit.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Eviction;

public sealed class LocalStorageLimitsTests
{
    private const long Mi = 1 << 20;

    [Fact]
    public void A_pod_without_limits_is_not_measured() => Assert.Null(LocalStorageLimits.Of(Pod()));

    [Fact]
    public void Static_pods_mirrors_of_them_and_critical_pods_are_not_evicted()
    {
        V1Pod ofFile = Pod(limit: "1Mi"), critical = Pod(limit: "1Mi");
        ofFile.Metadata.Annotations[StaticPodIdentity.SourceAnnotation] = "file";
        critical.Spec.Priority = 2_000_000_000;

        Assert.Null(LocalStorageLimits.Of(ofFile));
        Assert.Null(LocalStorageLimits.Of(critical));
        Assert.NotNull(LocalStorageLimits.Of(Pod(limit: "1Mi")));
    }

    [Fact]
    public void A_volume_in_memory_and_one_without_a_limit_are_left_to_themselves()
    {
        Assert.Null(LocalStorageLimits.Of(Pod(volume: new() { Medium = "Memory", SizeLimit = new ResourceQuantity("1Mi") })));
        Assert.Null(LocalStorageLimits.Of(Pod(volume: new())));
        Assert.Null(LocalStorageLimits.Of(Pod(volume: new() { SizeLimit = new ResourceQuantity("0") })));
    }

    [Theory]
    [InlineData(Mi, null)]
    [InlineData(Mi + 1, "Usage of EmptyDir volume \"cache\" exceeds the limit \"1Mi\". ")]
    public void A_volume_may_be_as_large_as_its_limit_and_no_larger(long bytes, string? message) =>
        Assert.Equal(message, LocalStorageLimits.Of(Pod(volume: new() { SizeLimit = new ResourceQuantity("1Mi") }))!.Judge(Use(volume: bytes))?.Message);

    [Theory]
    [InlineData(10 * Mi, Mi, null)]
    [InlineData(10 * Mi + 1, Mi, "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ")]
    [InlineData(9 * Mi, 6 * Mi, "Container web exceeded its local ephemeral storage limit \"4Mi\". ")]
    public void Containers_share_the_sum_of_their_limits_and_keep_to_their_own(long total, long web, string? message)
    {
        V1Pod pod = Pod(limit: "4Mi");
        pod.Spec.Containers.Add(Container("other", "6Mi"));

        PodFailure? failure = LocalStorageLimits.Of(pod)!.Judge(Use(total: total, container: web));

        Assert.Equal(message, failure?.Message);
        if (failure is not null) Assert.Equal(("Evicted", TimeSpan.FromSeconds(1)), (failure.Reason, failure.Grace));
    }

    [Fact]
    public void An_init_container_counts_for_the_sum_and_is_not_judged_by_itself()
    {
        V1Pod pod = Pod();
        pod.Spec.InitContainers = [Container("setup", "1Mi")];
        LocalStorageLimits limits = LocalStorageLimits.Of(pod)!;

        Assert.Empty(limits.Containers);
        Assert.Equal("Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ", limits.Judge(Use(total: 2 * Mi))!.Message);
    }

    [Fact]
    public void A_pod_that_is_evicted_ends_at_once_and_fails_with_the_reason()
    {
        PodFailure failure = PodFailure.Evicted("emptydirfs.limit", "too much");
        PodProgress progress = PodProgress.Start with { Over = failure };
        PodIntent desired = A.Intent();

        StopPod stop = Assert.IsType<StopPod>(Assert.Single(A.Plan(desired, A.Sandbox(A.Running()), progress: progress).Steps));
        PodStatus told = PodStatusBuilder.Build(desired, A.Sandbox(0, false, A.Exited(code: 137)), progress with { TornDown = true }, PodPlan.Idle, null, A.Node, A.T0);

        Assert.Equal(TimeSpan.FromSeconds(1), stop.Containers[0].Grace);
        Assert.Equal((PodPhase.Failed, "Evicted", "too much"), (told.Phase, told.Reason, told.Message));
    }

    private static V1Pod Pod(string? limit = null, V1EmptyDirVolumeSource? volume = null) => new()
    {
        Metadata = new() { Name = "p", Annotations = new Dictionary<string, string> { [StaticPodIdentity.SourceAnnotation] = "api" } },
        Spec = new() { Containers = [Container("web", limit)], Volumes = volume is null ? null : [new() { Name = "cache", EmptyDir = volume }] },
    };

    private static V1Container Container(string name, string? limit) => new()
    {
        Name = name,
        Resources = limit is null ? null : new() { Limits = new Dictionary<string, ResourceQuantity> { ["ephemeral-storage"] = new(limit) } },
    };

    private static LocalStorageUse Use(long volume = 0, long total = 0, long container = 0) => new(
        ImmutableDictionary<string, long>.Empty.Add("cache", volume), ImmutableDictionary<string, long>.Empty.Add("web", container), total);
}
