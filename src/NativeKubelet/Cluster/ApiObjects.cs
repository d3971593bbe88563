using System.Collections;
using System.Collections.Immutable;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using NativeKubelet.Runtime;
using KubernetesJson = NativeKubelet.Api.Kubernetes.KubernetesJson;

namespace NativeKubelet.Cluster;

/// <summary>
/// ConfigMaps and Secrets of the cluster: each that a pod of this node refers to is watched by name, as the node authorizer allows
/// no more, and only as long as a pod does. Claims and volumes may not even be watched: they are asked for when a pod needs them.
/// </summary>
/// <param name="pods">The pods that this node runs now.</param>
internal sealed class ApiObjects(ApiClient api, Func<IEnumerable<V1Pod>> pods, TimeProvider time, ILogger log, CancellationToken life) : IObjects
{
    /// <summary>A pod's start waits that long for what it refers to; then it is told that it is not there, and asks again.</summary>
    private static readonly TimeSpan FirstAnswer = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<ObjectKey, Watched> _watched = [];     // under _gate
    private readonly Dictionary<ObjectKey, NodeObject> _asked = [];    // under _gate
    private readonly Dictionary<ObjectKey, NodeObject> _cached = [];   // under _gate
    private NodeObjects _now = NodeObjects.Empty;
    private TaskCompletionSource _rung = NewBell();
    private bool _stale;                                               // under _gate

    public event Action<ImmutableHashSet<ObjectKey>>? Changed;

    public NodeObjects Now => Volatile.Read(ref _now);

    /// <summary>Completes with the next change of <see cref="Now"/>; to be had before looking.</summary>
    public Task NextChange => Volatile.Read(ref _rung).Task;

    public static NodeObject Known<T>(ObjectKey key, T model) where T : class => new(key, model, Fnv128.Of(KubernetesJson.Write(model)), "the API server");

    /// <summary>What an earlier agent knew stands in for each that the API server does not tell of.</summary>
    public void StandIn(IEnumerable<NodeObject> cached)
    {
        lock (_gate)
            foreach (NodeObject known in cached) _cached[known.Key] = known;
    }

    public async ValueTask<NodeObjects> ForAsync(V1Pod pod, CancellationToken cancel)
    {
        List<Task> first = [];
        lock (_gate)
        {
            foreach (ObjectKey key in PodReferences.Of(pod))
            {
                bool known = _cached.ContainsKey(key);
                if (known && IsAskedFor(key)) StandInFor(key);
                Task answer = IsAskedFor(key) ? AskForClaimAsync(key, cancel) : Watch(key).Synced;
                if (!known) first.Add(answer);
            }
            Prune();
        }
        try
        {
            await Task.WhenAll(first).WaitAsync(FirstAnswer, time, cancel);
        }
        catch (TimeoutException)
        {
            // What has not come is not there; the pod's worker says so and tries again.
        }
        Refresh();
        return Volatile.Read(ref _now);
    }

    private static bool IsAskedFor(ObjectKey key) => key.Kind is ObjectKind.PersistentVolumeClaim or ObjectKind.PersistentVolume;

    private void StandInFor(ObjectKey claim)
    {
        NodeObject known = _cached[claim];
        _stale |= _asked.TryAdd(claim, known);
        if (known.Model is V1PersistentVolumeClaim { Spec.VolumeName: { Length: > 0 } name } && _cached.TryGetValue(ObjectKey.Volume(name), out NodeObject? volume))
            _stale |= _asked.TryAdd(volume.Key, volume);
    }

    /// <summary>The claim, and then its volume: that is known only from the claim.</summary>
    private async Task AskForClaimAsync(ObjectKey key, CancellationToken cancel)
    {
        await AskAsync<V1PersistentVolumeClaim>(key, $"api/v1/namespaces/{key.Namespace}/persistentvolumeclaims/{key.Name}", cancel);
        string? volume;
        lock (_gate) volume = (_asked.GetValueOrDefault(key)?.Model as V1PersistentVolumeClaim)?.Spec.VolumeName;
        if (!string.IsNullOrEmpty(volume)) await AskAsync<V1PersistentVolume>(ObjectKey.Volume(volume), $"api/v1/persistentvolumes/{volume}", cancel);
    }

    private async Task AskAsync<T>(ObjectKey key, string path, CancellationToken cancel) where T : class, IKubernetesObject<V1ObjectMeta>
    {
        NodeObject? found = null;
        try
        {
            T model = await api.GetAsync<T>(path, cancel);
            model.Metadata.ManagedFields = null;
            found = Known(key, model);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // Then it is not known any more either.
        }
        catch (ApiException)
        {
            return;     // what was known last stands until there is an answer
        }
        lock (_gate)
        {
            _cached.Remove(key);
            if (found is null) _asked.Remove(key);
            else _asked[key] = found;
            _stale = true;
        }
    }

    private Watched Watch(ObjectKey key)
    {
        if (_watched.TryGetValue(key, out Watched? there)) return there;
        CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(life);
        _stale = true;
        return _watched[key] = key.Kind switch
        {
            ObjectKind.ConfigMap => Begin<V1ConfigMap, V1ConfigMapList>(key, "configmaps", end),
            _ => Begin<V1Secret, V1SecretList>(key, "secrets", end),
        };
    }

    private Watched Begin<T, TList>(ObjectKey key, string plural, CancellationTokenSource end)
        where T : class, IKubernetesObject<V1ObjectMeta> where TList : class, IItems<T>, IKubernetesObject<V1ListMeta>
    {
        ObjectWatch<T, TList> watch = new(api, $"api/v1/namespaces/{key.Namespace}/{plural}?fieldSelector=metadata.name%3D{key.Name}", static o => o.Metadata.ManagedFields = null, time, log);
        _ = Task.WhenAll(watch.RunAsync(end.Token), FollowAsync());
        return new(watch.Synced, end, () => watch.Objects, o => Known(key, (T)o));

        async Task FollowAsync()
        {
            while (!end.IsCancellationRequested)
            {
                await watch.Changed.WaitAsync(end.Token);
                Refresh();
            }
        }
    }

    /// <summary>Makes the snapshot anew of what all watches show.</summary>
    private void Refresh()
    {
        ImmutableHashSet<ObjectKey> changed;
        TaskCompletionSource rung;
        lock (_gate)
        {
            bool news = _stale;
            foreach (Watched watched in _watched.Values) news |= watched.Take();
            if (!news) return;
            _stale = false;
            (NodeObjects next, changed, _) = _now.Replaced(
                _watched.SelectMany(w => w.Value.Synced.IsCompleted ? w.Value.Found : _cached.TryGetValue(w.Key, out NodeObject? known) ? [known] : []).Concat(_asked.Values));
            if (changed.IsEmpty) return;
            Volatile.Write(ref _now, next);
            rung = _rung;
            Volatile.Write(ref _rung, NewBell());
        }
        rung.SetResult();
        Changed?.Invoke(changed);
    }

    /// <summary>Ends the watches of what no pod refers to any more.</summary>
    private void Prune()
    {
        HashSet<ObjectKey> used = [.. pods().SelectMany(PodReferences.Of)];
        foreach ((ObjectKey key, Watched watched) in _watched.Where(w => w.Value.Synced.IsCompleted && !used.Contains(w.Key)).ToList())
        {
            watched.End.Cancel();
            _watched.Remove(key);
            _stale = true;
        }
        // A volume goes with the claim that is bound to it.
        HashSet<string?> bound = [.. _asked.Where(a => used.Contains(a.Key)).Select(a => (a.Value.Model as V1PersistentVolumeClaim)?.Spec.VolumeName)];
        foreach (ObjectKey key in _asked.Keys.Where(k => k.Kind == ObjectKind.PersistentVolume ? !bound.Contains(k.Name) : !used.Contains(k)).ToList())
        {
            _asked.Remove(key);
            _stale = true;
        }
    }

    private static TaskCompletionSource NewBell() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="now">The watch's copy, another one after each change.</param>
    /// <param name="make">Hashes the object: done once for each version of it.</param>
    private sealed class Watched(Task synced, CancellationTokenSource end, Func<IDictionary> now, Func<object, NodeObject> make)
    {
        private IDictionary? _taken;

        public Task Synced => synced;

        public CancellationTokenSource End => end;

        public ImmutableArray<NodeObject> Found { get; private set; } = [];

        /// <returns>False when nothing has changed since the last time.</returns>
        public bool Take()
        {
            // Before the first list there is nothing either, but it means less.
            if (!synced.IsCompleted) return false;
            IDictionary current = now();
            if (ReferenceEquals(current, _taken)) return false;
            _taken = current;
            Found = [.. current.Values.Cast<object>().Select(make)];
            return true;
        }
    }
}
