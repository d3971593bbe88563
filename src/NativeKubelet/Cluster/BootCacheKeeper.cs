using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Objects;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Cluster;

/// <summary>Follows the cluster with the boot cache: what this node runs, and what that refers to. Nothing of a pod that has ended is kept.</summary>
internal sealed class BootCacheKeeper(BootCache cache, ApiPodSource pods, ApiObjects objects, ClusterFacts facts, TimeProvider time)
{
    /// <summary>Changes come in flocks; one writing does for all.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, (V1Pod Pod, NodeObjects Objects)> _kept = [];
    private object? _around;

    public async Task RunAsync(CancellationToken cancel)
    {
        await pods.Synced.WaitAsync(cancel);
        while (true)
        {
            Task[] bells = [pods.Changed, objects.NextChange, facts.Changed];
            foreach (string gone in cache.KeptPods.Except(Keep()).ToList()) cache.Forget(gone);
            KeepAround();
            await Task.WhenAny(bells).WaitAsync(cancel);
            await Task.Delay(Rest, time, cancel);
        }
    }

    private ImmutableHashSet<string> Keep()
    {
        NodeObjects known = objects.Now;
        List<V1Pod> own = [.. pods.Known.Values.Where(p => !ApiPodSource.IsMirror(p) && !PodPhases.IsFinal(p))];
        foreach (V1Pod pod in own)
        {
            if (_kept.TryGetValue(pod.Metadata.Uid, out var kept) && ReferenceEquals(kept.Pod, pod) && ReferenceEquals(kept.Objects, known)) continue;
            cache.Keep(pod, known.Among(PodReferences.Of(pod)));
            _kept[pod.Metadata.Uid] = (pod, known);
        }
        ImmutableHashSet<string> uids = [.. own.Select(p => p.Metadata.Uid)];
        foreach (string gone in _kept.Keys.Except(uids).ToList()) _kept.Remove(gone);
        return uids;
    }

    private void KeepAround()
    {
        if (facts.Known is not { } now || ReferenceEquals(_around, now)) return;
        cache.KeepAround(now.Services, now.Classes, now.Node);
        _around = now;
    }
}
