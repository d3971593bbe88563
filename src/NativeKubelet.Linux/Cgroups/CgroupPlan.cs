using System.Collections.Immutable;
using System.Globalization;

namespace NativeKubelet.Linux.Cgroups;

/// <summary>Values of one group, in version 1's units. Null: leave the file as it is.</summary>
/// <param name="CpuWeight">Version 2 only.</param>
/// <param name="CpuQuota">Microseconds per period; -1: none.</param>
/// <param name="Memory">Bytes; -1: none.</param>
/// <param name="MemoryAndSwap">Version 1 only. Bytes; -1: none.</param>
public sealed record CgroupValues(
    long? CpuShares = null,
    long? CpuWeight = null,
    long? CpuQuota = null,
    long? CpuPeriod = null,
    long? Memory = null,
    long? MemoryAndSwap = null,
    long? Pids = null,
    IReadOnlyDictionary<string, long>? Hugepages = null);

/// <param name="Optional">A kernel without this file is served all the same.</param>
public readonly record struct CgroupWrite(string Controller, string File, string Value, bool Optional = false);

/// <summary>Values → writes, in an order that the kernel accepts. Pure.</summary>
public static class CgroupPlan
{
    public static ImmutableArray<CgroupWrite> For(CgroupValues values, bool unified)
    {
        ImmutableArray<CgroupWrite>.Builder plan = ImmutableArray.CreateBuilder<CgroupWrite>();
        if (unified) Unified(values, plan);
        else Legacy(values, plan);
        return plan.ToImmutable();
    }

    private static void Legacy(CgroupValues values, ImmutableArray<CgroupWrite>.Builder plan)
    {
        if (values.CpuShares is { } shares) plan.Add(new("cpu", "cpu.shares", Text(shares)));
        if (values.CpuPeriod is { } period && values.CpuQuota is not null)
        {
            // A period that does not fit the quota in force is refused, so the quota goes first and comes back after.
            plan.Add(new("cpu", "cpu.cfs_quota_us", "-1"));
            plan.Add(new("cpu", "cpu.cfs_period_us", Text(period)));
        }
        if (values.CpuQuota is { } quota) plan.Add(new("cpu", "cpu.cfs_quota_us", Text(quota <= 0 ? -1 : quota)));
        if (values.Memory is { } memory) plan.Add(new("memory", "memory.limit_in_bytes", Text(memory)));
        if (values.MemoryAndSwap is { } both) plan.Add(new("memory", "memory.memsw.limit_in_bytes", Text(both)));
        if (values.Pids is { } pids) plan.Add(new("pids", "pids.max", pids > 0 ? Text(pids) : "max"));
        foreach ((string size, long limit) in values.Hugepages ?? new Dictionary<string, long>())
        {
            plan.Add(new("hugetlb", $"hugetlb.{size}.limit_in_bytes", Text(limit)));
            plan.Add(new("hugetlb", $"hugetlb.{size}.rsvd.limit_in_bytes", Text(limit), Optional: true));
        }
    }

    private static void Unified(CgroupValues values, ImmutableArray<CgroupWrite>.Builder plan)
    {
        if (values.CpuWeight is { } weight) plan.Add(new("cpu", "cpu.weight", Text(weight)));
        if (values.CpuQuota is { } quota)
            plan.Add(new("cpu", "cpu.max", $"{(quota <= 0 ? "max" : Text(quota))} {Text(values.CpuPeriod ?? 100_000)}"));
        if (values.Memory is { } memory) plan.Add(new("memory", "memory.max", memory < 0 ? "max" : Text(memory)));
        if (values.Pids is { } pids) plan.Add(new("pids", "pids.max", pids > 0 ? Text(pids) : "max"));
        foreach ((string size, long limit) in values.Hugepages ?? new Dictionary<string, long>())
        {
            plan.Add(new("hugetlb", $"hugetlb.{size}.max", Text(limit)));
            plan.Add(new("hugetlb", $"hugetlb.{size}.rsvd.max", Text(limit), Optional: true));
        }
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
