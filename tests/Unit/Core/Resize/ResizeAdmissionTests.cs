using k8s.Models;
using NativeKubelet.Core.Resize;
using NativeKubelet.Core.Resources;
using NativeKubelet.Tests.Unit.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Resize;

/// <summary>Granted, deferred or infeasible, and who is asked first.</summary>
public sealed class ResizeAdmissionTests
{
    private static readonly V1Pod Granted = Resizable.Pod("web 100m/- 32Mi/64Mi");
    private static readonly NodeAllocatable Node = new(ResourceAmounts.None, ResourceAmounts.None.With("cpu", Quantity.FromMilli(1000)).With("memory", Quantity.FromWhole(1 << 30)));

    [Fact]
    public void What_fits_beside_the_others_is_granted() => Assert.Null(Check(Resizable.Pod("web 400m/- 32Mi/64Mi")));

    [Fact]
    public void What_does_not_fit_is_deferred_with_the_words_of_the_check_that_refused()
    {
        ResizePending? pending = Check(Resizable.Pod("web 401m/- 32Mi/64Mi"));

        Assert.Equal(new("OutOfcpu", "Node didn't have enough resource: cpu, requested: 401, used: 600, capacity: 1000", 2), pending);
        Assert.Equal("Deferred", pending?.Reason);
    }

    [Fact]
    public void More_than_the_whole_node_is_deferred_too() => Assert.Equal("Deferred", Check(Resizable.Pod("web 64/- 32Mi/64Mi"))?.Reason);

    [Fact]
    public void A_container_that_has_a_part_of_the_swap_keeps_its_memory_request_unless_it_may_be_restarted()
    {
        LimitSettings swapping = Resizable.V2 with { LimitedSwap = true, SwapTotal = 1 << 30 };
        V1Pod wanted = Resizable.Pod("web 100m/- 48Mi/64Mi"), restarted = Resizable.Pod("web 100m/- 32Mi/64Mi");
        restarted.Spec.Containers[0].ResizePolicy = [new() { ResourceName = "memory", RestartPolicy = "RestartContainer" }];

        ResizePending? pending = Check(wanted, swapping);

        Assert.Equal(("Infeasible", "In-place resize of containers with swap is not supported."), (pending?.Reason, pending?.Message));
        Assert.Null(Check(wanted, Resizable.V2));
        Assert.Null(Check(wanted, swapping, restarted));
        Assert.Null(Check(Resizable.Pod("web 200m/- 32Mi/64Mi"), swapping));
    }

    [Fact]
    public void Those_that_give_back_come_first_then_the_important_then_the_guaranteed_then_who_waits_longest()
    {
        V1Pod small = Resizable.Pod("web 100m/- -/-"), large = Resizable.Pod("web 200m/- -/-"), important = Resizable.Pod("web 200m/- -/-"), guaranteed = Resizable.Pod("web 200m/200m 1Mi/1Mi");
        important.Spec.Priority = 1000;
        (string Name, V1Pod Wanted, V1Pod Granted, DateTimeOffset? Since)[] pending =
        [
            ("new", large, small, null), ("late", large, small, A.T0.AddSeconds(1)), ("early", large, small, A.T0), ("guaranteed", guaranteed, small, A.T0.AddSeconds(2)),
            ("important", important, small, A.T0.AddSeconds(3)), ("shrinks", small, large, null),
        ];

        Assert.Equal(["shrinks", "important", "guaranteed", "early", "late", "new"], ResizeAdmission.Order(pending, p => (p.Wanted, p.Granted, p.Since)).Select(p => p.Name));
    }

    /// <summary>Beside a pod that has 600m of the node's one CPU.</summary>
    private static ResizePending? Check(V1Pod wanted, LimitSettings? settings = null, V1Pod? granted = null) =>
        ResizeAdmission.Check(wanted, granted ?? Granted, pod => Node.Fit(pod, [Resizable.Pod("other 600m/- -/-")]), settings ?? Resizable.V1);
}
