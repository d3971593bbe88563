using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Api.Local;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Events;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Local;

/// <summary>All that the local sockets tell of or act on.</summary>
/// <param name="ToWire">A pod with its status as the Kubernetes API shapes it.</param>
/// <param name="Config">The effective configuration as JSON.</param>
public sealed record LocalSources(
    StatusBoard Board,
    EventLog Events,
    IContainerRuntime Runtime,
    IImageStore Images,
    Func<PodView, V1Pod> ToWire,
    Func<UsageSnapshot> Usage,
    Func<ImmutableArray<ManifestProblem>> Problems,
    Func<string> Config,
    Func<NodeDocument> Node);
