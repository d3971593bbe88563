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
/// ConfigMaps, Secrets, claims and volumes of the cluster: each that a pod of this node refers to is watched by name, as the node
/// authorizer allows no more, and only as long as a pod does.
/// </summary>
/// <param name="pods">The pods that this node runs now.</param>
internal sealed class ApiObjects(ApiClient api, Func<IEnumerable<V1Pod>> pods, TimeProvider time, ILogger log, CancellationToken life) : IObjects
{
    /// <summary>A pod's start waits that long for what it refers to; then it is told that it is not there, and asks again.</summary>
    private static readonly TimeSpan FirstAnswer = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<ObjectKey, Watched> _watched = [];     // under _gate
    private NodeObjects _now = NodeObjects.Empty;
    private bool _pruned;                                              // under _gate

    public event Action<ImmutableHashSet<ObjectKey>>? Changed;

    public async ValueTask<NodeObjects> ForAsync(V1Pod pod, CancellationToken cancel)
    {
        List<Task> first = [];
        lock (_gate)
        {
            foreach (ObjectKey key in PodReferences.Of(pod)) first.Add(Watch(key).Synced);
            Prune();
        }
        try
        {
            await Task.WhenAll(first).WaitAsync(FirstAnswer, time, cancel);
            // A claim's volume is known only from the claim.
            await Task.WhenAll(VolumesOf(pod)).WaitAsync(FirstAnswer, time, cancel);
        }
        catch (TimeoutException)
        {
            // What has not come is not there; the pod's worker says so and tries again.
        }
        Refresh();
        return Volatile.Read(ref _now);
    }

    private List<Task> VolumesOf(V1Pod pod)
    {
        Refresh();
        lock (_gate)
            return
            [
                .. from key in PodReferences.Of(pod)
                   where key.Kind == ObjectKind.PersistentVolumeClaim
                   let claim = _now.Claim(key.Namespace, key.Name)
                   where claim?.Spec.VolumeName is { Length: > 0 }
                   select Watch(ObjectKey.Volume(claim.Spec.VolumeName)).Synced,
            ];
    }

    private Watched Watch(ObjectKey key)
    {
        if (_watched.TryGetValue(key, out Watched? there)) return there;
        CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(life);
        return _watched[key] = key.Kind switch
        {
            ObjectKind.ConfigMap => Begin<V1ConfigMap, V1ConfigMapList>(key, "configmaps", end),
            ObjectKind.Secret => Begin<V1Secret, V1SecretList>(key, "secrets", end),
            ObjectKind.PersistentVolumeClaim => Begin<V1PersistentVolumeClaim, V1PersistentVolumeClaimList>(key, "persistentvolumeclaims", end),
            _ => Begin<V1PersistentVolume, V1PersistentVolumeList>(key, "persistentvolumes", end),
        };
    }

    private Watched Begin<T, TList>(ObjectKey key, string plural, CancellationTokenSource end)
        where T : class, IKubernetesObject<V1ObjectMeta> where TList : class, IItems<T>, IKubernetesObject<V1ListMeta>
    {
        string scope = key.Namespace.Length > 0 ? $"namespaces/{key.Namespace}/" : "";
        ObjectWatch<T, TList> watch = new(api, $"api/v1/{scope}{plural}?fieldSelector=metadata.name%3D{key.Name}", static o => o.Metadata.ManagedFields = null, time, log);
        _ = Task.WhenAll(watch.RunAsync(end.Token), FollowAsync());
        return new(watch.Synced, end, () => watch.Objects, o => new NodeObject(key, o, Fnv128.Of(KubernetesJson.Write((T)o)), "the API server"));

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
        lock (_gate)
        {
            bool news = _pruned;
            foreach (Watched watched in _watched.Values) news |= watched.Take();
            if (!news) return;
            _pruned = false;
            (NodeObjects next, changed, _) = _now.Replaced(_watched.Values.SelectMany(w => w.Found));
            if (changed.IsEmpty) return;
            Volatile.Write(ref _now, next);
        }
        Changed?.Invoke(changed);
    }

    /// <summary>Ends the watches of what no pod refers to any more.</summary>
    private void Prune()
    {
        HashSet<ObjectKey> used = [.. pods().SelectMany(PodReferences.Of)];
        foreach ((ObjectKey key, Watched watched) in _watched.Where(w => w.Key.Kind != ObjectKind.PersistentVolume && w.Value.Synced.IsCompleted && !used.Contains(w.Key)).ToList())
        {
            watched.End.Cancel();
            _watched.Remove(key);
            _pruned = true;
        }
    }

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
            IDictionary current = now();
            if (ReferenceEquals(current, _taken)) return false;
            bool news = _taken is not null || current.Count > 0;
            _taken = current;
            Found = [.. current.Values.Cast<object>().Select(make)];
            return news;
        }
    }
}
