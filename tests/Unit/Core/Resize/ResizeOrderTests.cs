using k8s.Models;
using NativeKubelet.Core.Resize;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Tests.Unit.Core.Resize;

/// <summary>The order of writes: no container ever has more than its pod.</summary>
public sealed class ResizeOrderTests
{
    private const long Mi = Resizable.Mi;

    [Fact]
    public void A_pod_that_grows_grows_before_its_container()
    {
        Assert.Equal(
            ["pod memory 128", "web memory 128", "pod quota 40000", "pod shares 307", "web shares 307 quota 40000"],
            Writes("web 100m/200m 64Mi/64Mi", "web 300m/400m 64Mi/128Mi"));
    }

    [Fact]
    public void A_pod_that_shrinks_shrinks_after_its_container()
    {
        Assert.Equal(
            ["web memory 64", "pod memory 64", "web shares 102 quota 20000", "pod shares 102", "pod quota 20000"],
            Writes("web 300m/400m 64Mi/128Mi", "web 100m/200m 64Mi/64Mi"));
    }

    [Fact]
    public void What_shrinks_makes_room_for_what_grows()
    {
        Assert.Equal(
            ["b memory 32", "a memory 96", "b shares 102 quota 10000", "a shares 102 quota 30000"],
            Writes(["a 100m/200m -/64Mi", "b 100m/200m -/64Mi"], ["a 100m/300m -/96Mi", "b 100m/100m -/32Mi"], Resizable.V2));
    }

    [Fact]
    public void A_memory_request_alone_is_written_nowhere() => Assert.Empty(Writes("web 100m/200m 32Mi/64Mi", "web 100m/200m 64Mi/64Mi"));

    [Fact]
    public void A_first_limit_of_all_containers_bounds_the_pod_last() =>
        Assert.Equal(["web memory 64", "pod memory 64"], Writes("web 100m/- -/-", "web 100m/- -/64Mi"));

    [Fact]
    public void A_pods_own_limit_is_its_containers_too()
    {
        V1Pod before = Resizable.Pod("web 100m/- 8Mi/-"), after = Resizable.Pod("web 100m/- 8Mi/-");
        before.Spec.Resources = Resizable.Resources("-/- -/64Mi");
        after.Spec.Resources = Resizable.Resources("-/- -/128Mi");

        ContainerResize resize = new("web", "web", ResizableAmounts.InForce(before.Spec, before.Spec.Containers[0]));

        Assert.Equal(["pod memory 128", "web memory 128"], ResizeOrder.Of(before, after, [resize], Resizable.V2).Select(Text));
    }

    [Fact]
    public void On_version_1_memory_with_swap_is_never_below_memory()
    {
        Assert.Equal(["pod memory 128", "web both 128", "web memory 128"], Writes(["web -/- -/64Mi"], ["web -/- -/128Mi"], Resizable.V1));
        Assert.Equal(["web memory 64", "web both 64", "pod memory 64"], Writes(["web -/- -/128Mi"], ["web -/- -/64Mi"], Resizable.V1));
    }

    [Fact]
    public void Where_nobody_knows_what_is_in_force_limits_are_lifted_until_all_is_written()
    {
        V1Pod pod = Resizable.Pod("web 100m/200m -/64Mi");

        Assert.Equal(
            ["pod memory -1", "web both -1", "web memory 64", "web both 64", "pod memory 64", "pod quota -1", "pod shares 102", "web shares 102 quota 20000", "pod quota 20000"],
            ResizeOrder.Of(null, pod, [new("web", "web", null)], Resizable.V1).Select(Text));
    }

    [Fact]
    public void Memory_in_use_forbids_to_lower_a_limit_below_it()
    {
        V1Pod before = Resizable.Pod("web -/- -/128Mi"), after = Resizable.Pod("web -/- -/64Mi");
        ContainerResize resize = new("id", "web", new(null, null, null, 128 * Mi));

        string? Refuse(long? used) => MemoryGuard.Refuse(before, after, [resize], Resizable.V2, id => id is null ? 10 : used);

        Assert.Null(Refuse(64 * Mi - 1));
        Assert.Equal("cannot decrease memory limits: attempting to set container \"web\" memory limit (67108864) below current usage (67108864)", Refuse(64 * Mi));
        Assert.Equal("cannot decrease memory limits: missing container \"web\" memory usage", Refuse(null));
        Assert.Equal(
            "cannot decrease memory limits: [attempting to set pod memory limit (67108864) below current usage (67108865), attempting to set container \"web\" memory limit (67108864) below current usage (67108865)]",
            MemoryGuard.Refuse(before, after, [resize], Resizable.V2, _ => 64 * Mi + 1));
        Assert.Null(MemoryGuard.Refuse(after, before, [resize with { From = new(null, null, null, 64 * Mi) }], Resizable.V2, _ => long.MaxValue));
    }

    private static string[] Writes(string before, string after) => Writes([before], [after], Resizable.V2);

    private static string[] Writes(string[] before, string[] after, LimitSettings settings)
    {
        V1Pod was = Resizable.Pod(before), pod = Resizable.Pod(after);
        IEnumerable<ContainerResize> all = was.Spec.Containers.Select(c => new ContainerResize(c.Name, c.Name, ResizableAmounts.InForce(was.Spec, c)));
        return [.. ResizeOrder.Of(was, pod, [.. all], settings).Select(Text)];
    }

    private static string Text(ResizeWrite write)
    {
        (string, long?)[] values = [("shares", write.Limits.CpuShares), ("quota", write.Limits.CpuQuota), ("memory", Megabytes(write.Limits.Memory)), ("both", Megabytes(write.Limits.MemoryAndSwap))];
        return $"{write.Container ?? "pod"} {string.Join(' ', values.Where(v => v.Item2 is not null).Select(v => $"{v.Item1} {v.Item2}"))}";
    }

    private static long? Megabytes(long? bytes) => bytes > 0 ? bytes / Mi : bytes;
}
