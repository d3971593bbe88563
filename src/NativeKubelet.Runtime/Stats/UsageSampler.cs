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
    private DateTimeOffset _at;
    private UsageSample _machine;
    private UsageSnapshot? _current = UsageSnapshot.Empty;   // null: nobody has asked since the last round
    private TaskCompletionSource? _next;                     // made by who waits

    /// <summary>The last round; <see cref="UsageSnapshot.Empty"/> before the first.</summary>
    public UsageSnapshot Current
    {
        get
        {
            lock (_gate) return _current ??= Snapshot();
        }
    }

    /// <summary>The last round, or the first where there was none yet.</summary>
    public UsageSnapshot Latest
    {
        get
        {
            UsageSnapshot now = Current;
            return now.At == default ? SampleNow() : now;
        }
    }

    /// <returns>The first snapshot that is not <paramref name="seen"/>; at once where there is one already.</returns>
    public async Task<UsageSnapshot> NextAsync(UsageSnapshot seen, CancellationToken cancel)
    {
        while (true)
        {
            Task next;
            lock (_gate)
            {
                if (Current is var now && !ReferenceEquals(now, seen)) return now;
                next = (_next ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }
            await next.WaitAsync(cancel);
        }
    }

    /// <summary>Samples until cancelled, the first time at once. It leaves no garbage: only who asks pays for a snapshot.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using PeriodicTimer timer = new(Period, time);
        do Sample();
        while (await timer.WaitForNextTickAsync(cancel));
    }

    /// <summary>Measures now, in the calling thread: about 15 µs per group. Within a second of a round that round is the answer.</summary>
    public UsageSnapshot SampleNow()
    {
        Sample();
        return Current;
    }

    /// <summary>One round, unless the last one was less than a second ago.</summary>
    public void Sample()
    {
        TaskCompletionSource? waited;
        lock (_gate)
        {
            long now = time.GetTimestamp();
            if (_round > 0 && time.GetElapsedTime(_lastRound, now) < LeastWindow) return;
            (_round, _lastRound) = (_round + 1, now);
            Measure(now);
            (_current, waited, _next) = (null, _next, null);
        }
        waited?.SetResult();
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

    private void Measure(long now)
    {
        _at = time.GetUtcNow();
        Sample(_node, now);
        _machine = _node.Last ?? default;
        foreach (SandboxState sandbox in runtime.Sandboxes)
        {
            string uid = sandbox.PodUid;
            // A pod has more than one sandbox while the next one replaces the last; its group is one.
            if (cgroups.Tree.PerQos && Known(_pods, uid, uid, leaf: false) is { } pod) Sample(pod, now);
            foreach (ContainerState container in sandbox.Containers)
                if (container.Phase == ContainerPhase.Running && Known(_containers, container.Id, uid, leaf: true) is { } own) Sample(own, now);
        }
        Forget(_pods);
        Forget(_containers);
    }

    private UsageSnapshot Snapshot() => new(_at, _machine, Samples(_pods), Samples(_containers));

    private static ImmutableDictionary<string, UsageSample> Samples(Dictionary<string, MeasuredGroup> groups)
    {
        ImmutableDictionary<string, UsageSample>.Builder samples = ImmutableDictionary.CreateBuilder<string, UsageSample>(StringComparer.Ordinal);
        foreach ((string key, MeasuredGroup group) in groups)
            if (group.Last is { } last) samples.Add(key, last);
        return samples.ToImmutable();
    }

    private void Sample(MeasuredGroup group, long now)
    {
        group.Sample(cgroups.Layout, _scratch, time, now);
        if (group.Refusal is { } refusal && refusal.Message != _told?.Message)
        {
            _told = refusal;
            UsageUnreadable(refusal.Message);
        }
    }

    /// <returns>Null when there is no such group (any more), and when this round has had it: what is measured may go at any moment.</returns>
    private MeasuredGroup? Known(Dictionary<string, MeasuredGroup> groups, string key, string podUid, bool leaf)
    {
        if (groups.TryGetValue(key, out MeasuredGroup? group))
        {
            if (group.LastWanted == _round) return null;
        }
        else
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

    [LoggerMessage(LogLevel.Warning, "UsageUnreadable: {Cause}; figures of that group are missing from statistics")]
    private partial void UsageUnreadable(string cause);
}
