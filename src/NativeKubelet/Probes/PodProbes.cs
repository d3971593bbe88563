using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Probes;
using NativeKubelet.Pods;
using NativeKubelet.Runtime;

namespace NativeKubelet.Probes;

/// <summary>
/// The probes of one pod. Its worker says what runs; each instance is probed from the moment in which it is seen running
/// until it is not. One worker's; only <see cref="Verdicts"/> changes beside it.
/// </summary>
/// <param name="wake">Something was decided.</param>
internal sealed class PodProbes(ProbeTools tools, IContainerRuntime runtime, NodeProfile node, Action wake)
{
    private readonly Dictionary<string, ContainerProbes> _running = [];
    private ImmutableDictionary<string, ProbeVerdicts> _verdicts = ImmutableDictionary<string, ProbeVerdicts>.Empty;
    private bool _adopting = true;

    /// <summary>By container ID, of those that run and have probes.</summary>
    public ImmutableDictionary<string, ProbeVerdicts> Verdicts => Volatile.Read(ref _verdicts);

    /// <summary>Begins and ends probes; what earlier agents had decided is among the verdicts when this returns.</summary>
    public void Follow(PodIntent desired, PodObserved observed, DateTimeOffset wall)
    {
        HashSet<string> seen = [];
        foreach (WantedContainer want in desired.Wanted)
        {
            if (want.Role == ContainerRole.Init || !HasProbe(want.Spec) || observed.Newest(want.Name) is not { State: ContainerRunState.Running } instance) continue;
            seen.Add(instance.Id);
            if (_running.ContainsKey(instance.Id) || desired.Stop is not null) continue;
            TimeSpan age = _adopting && instance.StartedAt is { } started && started < wall ? wall - started : TimeSpan.Zero;
            ContainerProbes probes = new(tools, desired.Pod, new(want.Spec, instance.Id, ProbeSubject.IpOf(desired.Pod, instance.Id, runtime.Sandboxes, node)), _adopting, age, Told);
            _running.Add(instance.Id, probes);
            probes.Begin();
        }
        _adopting = false;
        foreach ((string id, ContainerProbes probes) in _running)
        {
            if (desired.Stop is not null) probes.StopJudging();
            if (seen.Contains(id)) continue;
            _running.Remove(id);
            _ = probes.DisposeAsync().AsTask();
        }
        foreach (string id in Verdicts.Keys)
            if (!_running.ContainsKey(id)) ImmutableInterlocked.TryRemove(ref _verdicts, id, out _);
    }

    public Task EndAsync() => Task.WhenAll(_running.Values.Select(p => p.DisposeAsync().AsTask()));

    private void Told(string id, ProbeVerdicts verdicts)
    {
        ImmutableInterlocked.Update(ref _verdicts, (all, told) => all.SetItem(told.id, told.verdicts), (id, verdicts));
        wake();
    }

    private static bool HasProbe(V1Container container) =>
        container.StartupProbe is not null || container.ReadinessProbe is not null || container.LivenessProbe is not null;
}
