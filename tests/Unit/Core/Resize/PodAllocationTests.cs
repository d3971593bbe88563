using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resize;

namespace NativeKubelet.Tests.Unit.Core.Resize;

/// <summary>What a pod was granted, kept and put in the place of what it asks for.</summary>
public sealed class PodAllocationTests
{
    [Fact]
    public void A_pod_that_asks_for_what_it_was_granted_stays_as_it_is()
    {
        V1Pod pod = Resizable.Pod("web 100m/200m 32Mi/64Mi");

        Assert.Same(pod, PodAllocation.Of(pod.Spec).Apply(pod));
    }

    [Fact]
    public void A_pod_that_asks_for_more_is_seen_with_what_it_was_granted_and_everything_else_new()
    {
        PodAllocation granted = PodAllocation.Of(Resizable.Pod("web 0.1/0.2 32Mi/64Mi", "log -/- -/-").Spec);
        V1Pod wanted = Resizable.Pod("web 300m/400m 32Mi/64Mi", "log -/- 8Mi/-");
        wanted.Metadata.Labels = new Dictionary<string, string> { ["new"] = "label" };

        V1Pod seen = granted.Apply(wanted);

        Assert.Same(wanted.Metadata, seen.Metadata);
        Assert.Equal(granted, PodAllocation.Of(seen.Spec));
        Assert.Equal(("100m", "200m", "32Mi"), (Text(seen, "Requests", "cpu"), Text(seen, "Limits", "cpu"), Text(seen, "Requests", "memory")));
        Assert.Null(seen.Spec.Containers[1].Resources.Requests);
        Assert.Equal("300m", wanted.Spec.Containers[0].Resources.Requests["cpu"].ToString());      // models are shared: nobody's is changed
    }

    [Fact]
    public void What_is_no_CPU_and_no_memory_is_nobodys_to_grant()
    {
        V1Pod before = Resizable.Pod("web 100m/- -/-"), wanted = Resizable.Pod("web 200m/- -/-");
        wanted.Spec.Containers[0].Resources.Requests["ephemeral-storage"] = new("1Gi");

        Assert.Equal("1Gi", PodAllocation.Of(before.Spec).Apply(wanted).Spec.Containers[0].Resources.Requests["ephemeral-storage"].ToString());
    }

    [Fact]
    public void It_is_read_as_it_was_written()
    {
        V1Pod pod = Resizable.Pod("web 100m/200m 32Mi/-", "log -/- -/-");
        pod.Spec.InitContainers = [new() { Name = "first", Resources = Resizable.Resources("1/1 1Gi/1Gi") }];
        pod.Spec.Resources = Resizable.Resources("2/- -/4Gi");

        PodAllocation granted = PodAllocation.Of(pod.Spec);

        Assert.Equal("pod 2000 - - 4294967296\ncontainer first 1000 1000 1073741824 1073741824\ncontainer web 100 200 33554432 -\ncontainer log - - - -\n", granted.Format());
        Assert.Equal(granted, PodAllocation.TryParse(granted.Format()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("container web 1 1 1 1\n")]
    [InlineData("pod 1 1 1\n")]
    [InlineData("pod 1 1 1 1 1\n")]
    [InlineData("pod - - - -")]
    [InlineData("pod - - - -\ncontainer web - - - -\ncontainer lo")]
    [InlineData("pod - - - -\npod - - - -\n")]
    [InlineData("pod - - - -\ncontainer  1 1 1 1\n")]
    [InlineData("pod -1 - - -\n")]
    [InlineData("pod 99999999999999999999 - - -\n")]
    public void A_text_that_was_cut_or_changed_is_none(string? text) => Assert.Null(PodAllocation.TryParse(text));

    [Fact]
    public void A_container_without_a_limit_has_its_pods()
    {
        V1Pod pod = Resizable.Pod("web 100m/- -/-");
        pod.Spec.Resources = Resizable.Resources("-/2 -/1Gi");

        Assert.Equal(new ResizableAmounts(100, 2000, null, 1 << 30), ResizableAmounts.InForce(pod.Spec, pod.Spec.Containers[0]));
    }

    [Fact]
    public void The_definition_of_a_container_is_the_same_with_other_resources() =>
        Assert.Equal(ContainerHash.Of(Resizable.Pod("web 1/1 1Gi/1Gi").Spec.Containers[0]), ContainerHash.Of(Resizable.Pod("web 2/2 2Gi/2Gi").Spec.Containers[0]));

    private static string Text(V1Pod pod, string list, string name)
    {
        V1ResourceRequirements resources = pod.Spec.Containers[0].Resources;
        return (list == "Limits" ? resources.Limits : resources.Requests)[name].ToString();
    }
}
