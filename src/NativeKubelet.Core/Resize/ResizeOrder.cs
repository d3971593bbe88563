using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Api.Oci;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Resize;

/// <param name="Container">Its ID; null: the pod's own group.</param>
public sealed record ResizeWrite(string? Container, GroupLimits Limits);

/// <summary>
/// The writes that take a pod's groups from one allocation to another (spec 40 §5): memory, then CPU; each time the pod's group
/// first where it grows, then the containers, those that shrink before those that grow, and last the pod's group where it shrinks,
/// so that no container ever has more than its pod.
/// </summary>
public static class ResizeOrder
{
    /// <param name="before">The pod as its group is; null: not known, so that its limits are lifted until all is written.</param>
    /// <param name="after">The pod as it is granted.</param>
    /// <exception cref="FormatException">An amount in the pod is not a quantity.</exception>
    public static ImmutableArray<ResizeWrite> Of(V1Pod? before, V1Pod after, IReadOnlyCollection<ContainerResize> containers, LimitSettings settings)
    {
        GroupLimits? was = before is null ? null : PodCgroupLimits.Compute(before, settings);
        GroupLimits next = PodCgroupLimits.Compute(after, settings);
        ImmutableArray<Change> changes =
        [
            .. from resize in containers
               let container = PodResources.AllContainers(after.Spec).First(c => c.Name == resize.Name)
               select new Change(resize.Id, resize.From, ResizableAmounts.InForce(after.Spec, container), ContainerLimits.Compute(after, container, settings)),
        ];
        return [.. Memory(was, next, changes, settings), .. Cpu(was, next, changes, settings)];
    }

    private static IEnumerable<ResizeWrite> Memory(GroupLimits? was, GroupLimits next, ImmutableArray<Change> changes, LimitSettings settings)
    {
        // A limit that is not set any more stays: the API takes none away.
        (GroupLimits? raised, GroupLimits? lowered) = next.Memory is not { } limit ? (null, null)
            : was is null ? (new GroupLimits(Memory: -1), new GroupLimits(Memory: limit))
            : Sides(Directed(was.Memory, limit), new GroupLimits(Memory: limit));
        if (raised is not null) yield return new(null, raised);
        foreach (Change change in changes.Where(c => c.From is null || c.From.MemoryLimit != c.To.MemoryLimit).OrderBy(c => Directed(c.From?.MemoryLimit, c.To.MemoryLimit) > 0))
        {
            if (change.Limits.Memory?.Limit is not { } own) continue;
            // Version 1: memory and swap together are never below memory alone, in no moment.
            bool swap = !settings.CgroupV2 && change.Limits.Memory.Swap is not null, grows = change.From is not null && Directed(change.From.MemoryLimit, own) > 0;
            if (swap && change.From is null) yield return new(change.Id, new(MemoryAndSwap: -1));
            if (swap && grows) yield return new(change.Id, new(MemoryAndSwap: change.Limits.Memory.Swap));
            yield return new(change.Id, new(Memory: own));
            if (swap && !grows) yield return new(change.Id, new(MemoryAndSwap: change.Limits.Memory.Swap));
        }
        if (lowered is not null) yield return new(null, lowered);
    }

    private static IEnumerable<ResizeWrite> Cpu(GroupLimits? was, GroupLimits next, ImmutableArray<Change> changes, LimitSettings settings)
    {
        GroupLimits quota = new(CpuQuota: next.CpuQuota, CpuPeriod: settings.CpuPeriod), shares = new(CpuShares: next.CpuShares);
        (GroupLimits? raised, GroupLimits? lowered) = next.CpuQuota is not { } limit ? (null, null)
            : was is null ? (quota with { CpuQuota = -1 }, quota)
            : Sides(Directed(was.CpuQuota, limit), quota);
        (GroupLimits? more, GroupLimits? less) = Sides(was is null ? 1 : Math.Sign((next.CpuShares ?? 0) - (was.CpuShares ?? 0)), shares);
        if (raised is not null) yield return new(null, raised);
        if (more is not null) yield return new(null, more);
        foreach (Change change in changes.Where(c => c.From is null || !c.From.SameCpu(c.To))
                     .OrderBy(c => Directed(c.From?.CpuLimit, c.To.CpuLimit) is var d && d != 0 ? d > 0 : c.To.CpuRequest > c.From?.CpuRequest))
            yield return new(change.Id, new(
                CpuShares: (long?)change.Limits.Cpu?.Shares, CpuQuota: change.Limits.Cpu?.Quota, CpuPeriod: change.Limits.Cpu?.Quota is null ? null : settings.CpuPeriod));
        if (less is not null) yield return new(null, less);
        if (lowered is not null) yield return new(null, lowered);
    }

    private static (GroupLimits? Before, GroupLimits? After) Sides(int direction, GroupLimits limits) =>
        direction > 0 ? (limits, null) : direction < 0 ? (null, limits) : (null, null);

    /// <summary>Above 0 where a limit grows; none (null, or -1) is the largest.</summary>
    private static int Directed(long? before, long? after) => Math.Sign((after is null or < 0 ? long.MaxValue : after.Value).CompareTo(before is null or < 0 ? long.MaxValue : before.Value));

    private sealed record Change(string Id, ResizableAmounts? From, ResizableAmounts To, RuntimeResources Limits);
}
