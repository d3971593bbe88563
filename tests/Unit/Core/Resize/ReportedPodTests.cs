using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;

namespace NativeKubelet.Tests.Unit.Core.Resize;

public sealed class ReportedPodTests
{
    [Fact]
    public void What_is_allocated_is_the_sum_of_the_containers_with_the_pods_own_amounts_before_it_and_the_overhead_beside_it()
    {
        V1Pod pod = Resizable.Pod("a 100m/- 32Mi/-", "b 50m/- -/-");
        Assert.Equal("cpu=150m memory=32Mi", Text(ReportedPod.Allocated(pod.Spec)));

        pod.Spec.Resources = Resizable.Resources("-/- 64Mi/-");
        pod.Spec.Overhead = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("10m"), ["memory"] = new("1Mi") };
        Assert.Equal("cpu=160m memory=65Mi", Text(ReportedPod.Allocated(pod.Spec)));
        Assert.Null(ReportedPod.Allocated(Resizable.Pod("a -/- -/-").Spec));
    }

    [Fact]
    public void Before_it_runs_a_pod_is_told_what_it_will_get()
    {
        V1Pod pod = Resizable.Pod("a 100m/200m 32Mi/64Mi", "b 50m/- -/-");

        Assert.Equal(("cpu=150m memory=32Mi", "cpu=200m memory=64Mi"), (Text(ReportedPod.Allocated(pod.Spec)), Text(ReportedPod.Limits(pod.Spec))));
    }

    [Fact]
    public void While_it_runs_it_is_told_what_its_group_was_given()
    {
        V1Pod granted = Resizable.Pod("a -/- -/-"), before = Resizable.Pod("a -/- -/-");
        granted.Spec.Resources = Resizable.Resources("300m/400m 64Mi/128Mi");
        before.Spec.Resources = Resizable.Resources("100m/200m 64Mi/96Mi");

        V1ResourceRequirements told = ReportedPod.Has(granted, PodAllocation.Of(before.Spec));

        Assert.Equal(("cpu=100m memory=64Mi", "cpu=200m memory=96Mi"), (Text(told.Requests), Text(told.Limits)));
        Assert.Equal("cpu=300m memory=64Mi", Text(ReportedPod.Allocated(granted.Spec)));
    }

    [Fact]
    public void A_group_that_one_unbounded_container_leaves_open_has_no_limit()
    {
        V1Pod pod = Resizable.Pod("a 100m/200m 32Mi/64Mi", "b 50m/- 1Mi/2Mi");

        V1ResourceRequirements told = ReportedPod.Has(pod, PodAllocation.Of(pod.Spec));

        Assert.Equal(("cpu=150m memory=33Mi", "memory=66Mi"), (Text(told.Requests), Text(told.Limits)));
    }

    [Theory]
    [InlineData("1m/- -/-", "-/- -/-", "", "")]             // 2 shares are the least, and nobody asked for them
    [InlineData("-/- -/-", "1m/- -/-", "cpu=1m", "")]       // the pod itself did
    [InlineData("-/- -/-", "3m/4m -/-", "cpu=3m", "cpu=4m")]
    [InlineData("-/- -/-", "3m/11m -/-", "cpu=3m", "cpu=11m")]
    [InlineData("3m/- -/-", "-/- -/-", "cpu=3m", "")]
    public void What_the_kernel_cannot_tell_from_its_least_is_told_as_far_as_the_pod_sets_it(string container, string pod, string requests, string limits)
    {
        V1Pod asks = Resizable.Pod("a " + container);
        asks.Spec.Resources = Resizable.Resources(pod);

        V1ResourceRequirements told = ReportedPod.Has(asks, PodAllocation.Of(asks.Spec));

        Assert.Equal((requests, limits), (Text(told.Requests), Text(told.Limits)));
    }

    [Fact]
    public void Huge_pages_of_the_pod_itself_are_told_beside()
    {
        V1Pod pod = Resizable.Pod("a -/- -/-");
        pod.Spec.Resources = new() { Limits = new Dictionary<string, ResourceQuantity> { ["hugepages-2Mi"] = new("4Mi"), ["cpu"] = new("1") } };

        Assert.Equal("cpu=1 hugepages-2Mi=4Mi", Text(ReportedPod.Has(pod, PodAllocation.Of(pod.Spec)).Limits));
    }

    private static string Text(IDictionary<string, ResourceQuantity>? amounts) => string.Join(' ', (amounts ?? new Dictionary<string, ResourceQuantity>()).OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key}={a.Value}"));
}
