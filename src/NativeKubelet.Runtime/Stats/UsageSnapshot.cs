using System.Collections.Immutable;
using NativeKubelet.Linux.Cgroups;

namespace NativeKubelet.Runtime.Stats;

/// <summary>One round of samples over node, pods and containers; immutable, replaced as a whole.</summary>
/// <param name="At">Wall clock of the round; the default value before the first.</param>
/// <param name="Pods">By pod UID.</param>
/// <param name="Containers">By container ID.</param>
public sealed record UsageSnapshot(
    DateTimeOffset At,
    UsageSample Node,
    ImmutableDictionary<string, UsageSample> Pods,
    ImmutableDictionary<string, UsageSample> Containers)
{
    public static readonly UsageSnapshot Empty = new(
        default, default, ImmutableDictionary<string, UsageSample>.Empty, ImmutableDictionary<string, UsageSample>.Empty);
}

/// <param name="NanoCores">CPU nanoseconds per second between the last two samples; null before the second.</param>
public readonly record struct UsageSample(CgroupUsage Usage, long? NanoCores);
