using System.Collections.Immutable;
using System.Threading.Channels;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Sources;

namespace NativeKubelet.Cluster;

/// <summary>
/// The pods that the cluster bound to this node. Mirror pods among them are reflections of our own static pods: they are kept
/// apart, for <see cref="MirrorPods"/>.
/// </summary>
internal sealed class ApiPodSource : IPodSource
{
    /// <summary>A server that boots with its nodes gets that long.</summary>
    private static readonly TimeSpan BootPatience = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly ObjectWatch<V1Pod, V1PodList> _watch;
    private readonly TimeProvider _time;
    private readonly Channel<PodSet> _sets = Channel.CreateBounded<PodSet>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private Mirrors _mirrors = Mirrors.In(ImmutableDictionary<string, V1Pod>.Empty);

    /// <param name="registered">The Node exists: before, the node authorizer knows of no pods.</param>
    public ApiPodSource(ApiClient api, string node, Task registered, TimeProvider time, ILogger log)
    {
        _time = time;
        Registered = registered;
        _watch = new(api, $"api/v1/pods?fieldSelector=spec.nodeName%3D{node}", Prepare, time, log);
    }

    public string Name => "api";

    /// <summary>The API server has named its pods; those that an earlier agent knew are never all.</summary>
    public bool Ready { get; private set; }

    public ChannelReader<PodSet> Sets => _sets.Reader;

    /// <summary>All pods of this node as the API server has them, mirror pods included; by UID.</summary>
    public ImmutableDictionary<string, V1Pod> Known => _watch.Objects;

    /// <summary>The mirror of this static pod, in the version that it has now; null while there is none.</summary>
    public V1Pod? ReflectionOf(V1Pod pod)
    {
        Mirrors mirrors = Volatile.Read(ref _mirrors);
        if (!ReferenceEquals(mirrors.Of, Known)) Volatile.Write(ref _mirrors, mirrors = Mirrors.In(Known));
        return mirrors.ByName[PodMessages.FullName(pod)].FirstOrDefault(m => MirrorPlan.Reflects(m, pod));
    }

    /// <summary>Completes with the next change of <see cref="Known"/>; to be had before looking.</summary>
    public Task Changed => _watch.Changed;

    /// <summary>Completes with the first list.</summary>
    public Task Synced => _watch.Synced;

    private Task Registered { get; }

    public async Task RunAsync(CancellationToken cancel)
    {
        await Registered.WaitAsync(cancel);
        await Loops.TogetherAsync(cancel, _watch.RunAsync, PublishAsync);
    }

    /// <summary>Waits for the API server; when that does not answer, its last known pods are delivered in its place until it does.</summary>
    /// <returns>False when it answered in time.</returns>
    public async Task<bool> BootAsync(ImmutableArray<V1Pod> cached, Action before, CancellationToken cancel)
    {
        try
        {
            await Synced.WaitAsync(BootPatience, _time, cancel);
            return false;
        }
        catch (TimeoutException)
        {
            foreach (V1Pod pod in cached) Prepare(pod);
            lock (_gate)
            {
                if (Ready) return false;
                before();
                _sets.Writer.TryWrite(new PodSet(Name, cached, []));
                return true;
            }
        }
    }

    public static bool IsMirror(V1Pod pod) => pod.Metadata.Annotations?.ContainsKey(StaticPodIdentity.MirrorAnnotation) == true;

    private async Task PublishAsync(CancellationToken cancel)
    {
        await _watch.Synced.WaitAsync(cancel);
        while (true)
        {
            Task changed = _watch.Changed;
            lock (_gate)
            {
                Ready = true;
                _sets.Writer.TryWrite(new PodSet(Name, [.. _watch.Objects.Values.Where(p => !IsMirror(p))], []));
            }
            await changed.WaitAsync(cancel);
        }
    }

    /// <param name="Of">The objects that this was made of.</param>
    private sealed record Mirrors(ImmutableDictionary<string, V1Pod> Of, ILookup<string, V1Pod> ByName)
    {
        public static Mirrors In(ImmutableDictionary<string, V1Pod> known) => new(known, known.Values.Where(IsMirror).ToLookup(PodMessages.FullName, StringComparer.Ordinal));
    }

    /// <summary>Lets go of what a node never reads, and fills in what an older server left open.</summary>
    private void Prepare(V1Pod pod)
    {
        pod.ApiVersion = "v1";
        pod.Kind = "Pod";
        pod.Metadata.ManagedFields = null;
        PodDefaults.Apply(pod);
        if (IsMirror(pod)) return;
        pod.Metadata.Annotations = new Dictionary<string, string>(pod.Metadata.Annotations ?? new Dictionary<string, string>())
        {
            [StaticPodIdentity.SourceAnnotation] = Name,
            [StaticPodIdentity.SeenAnnotation] = StaticPodIdentity.Seen(_time.GetUtcNow()),
        };
    }
}
