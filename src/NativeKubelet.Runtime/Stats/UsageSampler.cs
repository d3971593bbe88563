using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Resources;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Runtime.Cgroups;

namespace NativeKubelet.Runtime.Stats;

/// <summary>
/// Measures node, pods and running containers every ten seconds by one timer, and on demand (spec 40 §10). The loop and
/// any thread that asks share the same readers; results are snapshots that nobody changes.
/// </summary>
public sealed partial class UsageSampler(IContainerRuntime runtime, PodCgroups cgroups, TimeProvider time, ILogger<UsageSampler> log) : IDisposable
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    /// <summary>Two samples closer together than this say little about the rate between them.</summary>
    private static readonly TimeSpan LeastWindow = TimeSpan.FromSeconds(1);

    private const string MachineGroup = "/";

    private readonly Lock _gate = new();
    private readonly byte[] _scratch = new byte[CgroupUsageReader.ScratchBytes];
    private readonly Dictionary<string, MeasuredGroup> _pods = [], _containers = [];
    private readonly MeasuredGroup _node = new(MachineGroup);
    private ErrnoException? _told;
    private long _round, _lastRound;
    private UsageSnapshot _current = UsageSnapshot.Empty;
    private TaskCompletionSource _next = NewBell();

    /// <summary>The last round; <see cref="UsageSnapshot.Empty"/> before the first.</summary>
    public UsageSnapshot Current => Volatile.Read(ref _current);

    /// <returns>The first snapshot that is not <paramref name="seen"/>; at once where there is one already.</returns>
    public async Task<UsageSnapshot> NextAsync(UsageSnapshot seen, CancellationToken cancel)
    {
        while (true)
        {
            Task next = Volatile.Read(ref _next).Task;
            if (Current is var now && !ReferenceEquals(now, seen)) return now;
            await next.WaitAsync(cancel);
        }
    }

    /// <summary>Samples until cancelled, the first time at once.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using PeriodicTimer timer = new(Period, time);
        do SampleNow();
        while (await timer.WaitForNextTickAsync(cancel));
    }

    /// <summary>Measures now, in the calling thread: about 15 µs per group. Within a second of a round that round is the answer.</summary>
    public UsageSnapshot SampleNow()
    {
        TaskCompletionSource rung;
        UsageSnapshot taken;
        lock (_gate)
        {
            long now = time.GetTimestamp();
            if (_round > 0 && time.GetElapsedTime(_lastRound, now) < LeastWindow) return _current;
            (_round, _lastRound) = (_round + 1, now);
            taken = Measure(now);
            Volatile.Write(ref _current, taken);
            rung = _next;
            Volatile.Write(ref _next, NewBell());
        }
        rung.SetResult();
        return taken;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (MeasuredGroup group in _pods.Values) group.Dispose();
            foreach (MeasuredGroup group in _containers.Values) group.Dispose();
            _pods.Clear();
            _containers.Clear();
            _node.Dispose();
        }
    }

    private UsageSnapshot Measure(long now)
    {
        DateTimeOffset at = time.GetUtcNow();
        ImmutableDictionary<string, UsageSample>.Builder pods = ImmutableDictionary.CreateBuilder<string, UsageSample>(StringComparer.Ordinal);
        ImmutableDictionary<string, UsageSample>.Builder containers = ImmutableDictionary.CreateBuilder<string, UsageSample>(StringComparer.Ordinal);
        UsageSample node = Sample(_node, now) ?? default;
        foreach (SandboxState sandbox in runtime.Sandboxes)
        {
            string uid = sandbox.PodUid;
            // A pod has more than one sandbox while the next one replaces the last; its group is one.
            if (cgroups.Tree.PerQos && !pods.ContainsKey(uid) && Known(_pods, uid, uid, leaf: false) is { } pod && Sample(pod, now) is { } podSample)
                pods.Add(uid, podSample);
            foreach (ContainerState container in sandbox.Containers)
                if (container.Phase == ContainerPhase.Running && Known(_containers, container.Id, uid, leaf: true) is { } own && Sample(own, now) is { } sample)
                    containers.Add(container.Id, sample);
        }
        Forget(_pods);
        Forget(_containers);
        return new(at, node, pods.ToImmutable(), containers.ToImmutable());
    }

    private UsageSample? Sample(MeasuredGroup group, long now)
    {
        UsageSample? sample = group.Sample(cgroups.Layout, _scratch, time, now);
        if (group.Refusal is { } refusal && refusal.Message != _told?.Message)
        {
            _told = refusal;
            UsageUnreadable(refusal.Message);
        }
        return sample;
    }

    /// <returns>Null when there is no such group (any more): what is measured may go at any moment.</returns>
    private MeasuredGroup? Known(Dictionary<string, MeasuredGroup> groups, string key, string podUid, bool leaf)
    {
        if (!groups.TryGetValue(key, out MeasuredGroup? group))
        {
            if (cgroups.FindPod(podUid) is not { } pod) return null;
            CgroupTree tree = cgroups.Tree;
            groups[key] = group = new(leaf ? tree.LeafPath(pod, key) : tree.Path(pod));
        }
        group.LastWanted = _round;
        return group;
    }

    private void Forget(Dictionary<string, MeasuredGroup> groups)
    {
        foreach ((string key, MeasuredGroup group) in groups)
        {
            if (group.LastWanted == _round && !group.Gone) continue;
            group.Dispose();
            groups.Remove(key);
        }
    }

    private static TaskCompletionSource NewBell() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(LogLevel.Warning, "UsageUnreadable: {Cause}; figures of that group are missing from statistics")]
    private partial void UsageUnreadable(string cause);
}
