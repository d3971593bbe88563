using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Tests.Unit.Core.Pods;

public sealed class DownwardFieldsTests
{
    private static readonly DownwardFacts Facts = new(["10.0.0.2", "fd00::2"], ["192.0.2.1"], ResourceAmounts.None
        .With("cpu", Quantity.Parse("3500m")).With("memory", Quantity.Parse("1000Mi")));

    [Theory]
    [InlineData("metadata.name", "web-node")]
    [InlineData("metadata.labels['app']", "shop")]
    [InlineData("metadata.labels['none']", "")]
    [InlineData("metadata.annotations['a.b/c']", "x y")]
    [InlineData("status.podIPs", "10.0.0.2,fd00::2")]
    [InlineData("status.hostIP", "192.0.2.1")]
    public void A_variable_shows_fields_of_pod_and_node(string path, string value) =>
        Assert.Equal(value, DownwardFields.Environment(Labelled(), path, Facts));

    [Theory]
    [InlineData("metadata.generation")]
    [InlineData("spec.nodeName['a']")]
    [InlineData("")]
    public void Fields_that_are_none_are_refused(string path) => Assert.Throws<FormatException>(() => DownwardFields.Environment(Labelled(), path, Facts));

    [Fact]
    public void All_labels_are_sorted_lines_with_quoted_values()
    {
        V1Pod pod = Labelled();
        pod.Metadata.Annotations["z"] = "a\"b\\c\nd\u0001é\u200b";

        Assert.Equal("app=\"shop\"\ntier=\"1\"", DownwardFields.Metadata(pod, "metadata.labels"));
        Assert.Equal("a.b/c=\"x y\"\nz=\"a\\\"b\\\\c\\nd\\x01é\\u200b\"", DownwardFields.Metadata(pod, "metadata.annotations"));
    }

    [Theory]
    [InlineData("limits.cpu", null, "2")]
    [InlineData("limits.cpu", "1m", "1500")]
    [InlineData("requests.cpu", "1", "1")]
    [InlineData("limits.memory", "1Mi", "954")]
    [InlineData("limits.memory", "0", "1000000000")]
    [InlineData("requests.memory", null, "0")]
    [InlineData("limits.hugepages-2Mi", "1Mi", "0")]
    public void Amounts_are_counted_in_divisors_and_rounded_up(string resource, string? divisor, string value) =>
        Assert.Equal(value, DownwardFields.Resource(Labelled(), "web", Selector(resource, divisor), Facts.Allocatable));

    [Fact]
    public void A_limit_that_is_not_set_is_what_the_node_can_give()
    {
        V1Pod pod = Labelled();
        pod.Spec.Containers[0].Resources = null;

        Assert.Equal("3500", DownwardFields.Resource(pod, "web", Selector("limits.cpu", "1m"), Facts.Allocatable));
        Assert.Equal("1048576000", DownwardFields.Resource(pod, "web", Selector("limits.memory", null), Facts.Allocatable));
        Assert.Throws<FormatException>(() => DownwardFields.Resource(pod, "other", Selector("limits.cpu", null), Facts.Allocatable));
        Assert.Throws<FormatException>(() => DownwardFields.Resource(pod, "web", Selector("limits.gpu", null), Facts.Allocatable));
    }

    private static V1ResourceFieldSelector Selector(string resource, string? divisor) =>
        new() { Resource = resource, Divisor = divisor is null ? null : new ResourceQuantity(divisor) };

    private static V1Pod Labelled()
    {
        V1Pod pod = A.Pod();
        pod.Metadata.Labels = new Dictionary<string, string> { ["tier"] = "1", ["app"] = "shop" };
        pod.Metadata.Annotations = new Dictionary<string, string> { ["a.b/c"] = "x y" };
        pod.Spec.Containers[0].Resources = new()
        {
            Limits = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("1500m"), ["memory"] = new("1G") },
            Requests = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("100m") },
        };
        return pod;
    }
}
