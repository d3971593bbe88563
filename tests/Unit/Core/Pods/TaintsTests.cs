using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

public sealed class TaintsTests
{
    [Theory]
    [InlineData("NoExecute", true)]
    [InlineData("NoSchedule", false)]
    [InlineData("PreferNoSchedule", false)]
    public void Only_taints_that_forbid_execution_refuse_a_pod(string effect, bool refused) =>
        Assert.Equal(refused, Taints.Refuse(new V1PodSpec(), [new V1Taint { Key = "k", Value = "v", Effect = effect }]));

    [Theory]
    [InlineData("k", "Equal", "v", "NoExecute", true)]
    [InlineData("k", null, "v", null, true)]
    [InlineData("k", "", "v", "", true)]
    [InlineData("k", "Equal", "other", null, false)]
    [InlineData("k", "Equal", null, null, false)]
    [InlineData("k", "Exists", null, null, true)]
    [InlineData(null, "Exists", null, null, true)]
    [InlineData("", "Exists", null, "NoSchedule", false)]
    [InlineData("other", "Exists", null, null, false)]
    [InlineData("k", "Gt", "v", null, false)]
    public void A_toleration_tolerates_what_it_names_and_whatever_it_leaves_out(string? key, string? op, string? value, string? effect, bool tolerated)
    {
        V1PodSpec spec = new() { Tolerations = [new V1Toleration { Key = key, OperatorProperty = op, Value = value, Effect = effect }] };

        Assert.Equal(!tolerated, Taints.Refuse(spec, [new V1Taint { Key = "k", Value = "v", Effect = "NoExecute" }]));
    }

    [Fact]
    public void A_taint_without_a_value_is_tolerated_by_a_toleration_without_one() =>
        Assert.False(Taints.Refuse(new V1PodSpec { Tolerations = [new V1Toleration { Key = "k" }] }, [new V1Taint { Key = "k", Effect = "NoExecute" }]));

    [Fact]
    public void How_long_a_taint_is_tolerated_does_not_matter() =>
        Assert.False(Taints.Refuse(new V1PodSpec { Tolerations = [new V1Toleration { Key = "k", OperatorProperty = "Exists", TolerationSeconds = 0 }] }, [new V1Taint { Key = "k", Effect = "NoExecute" }]));

    [Fact]
    public void Every_taint_needs_its_toleration() => Assert.True(Taints.Refuse(
        new V1PodSpec { Tolerations = [new V1Toleration { Key = "a", OperatorProperty = "Exists" }] }, [new V1Taint { Key = "a", Effect = "NoExecute" }, new V1Taint { Key = "b", Effect = "NoExecute" }]));
}
