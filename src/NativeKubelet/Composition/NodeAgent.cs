using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Config;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;
using NativeKubelet.Events;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Pods;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Cgroups;
using NativeKubelet.Runtime.Containers;
using NativeKubelet.Runtime.Images;
using NativeKubelet.Runtime.Images.Import;
using NativeKubelet.Runtime.Images.Layers;
using NativeKubelet.Runtime.Images.Registry;
using NativeKubelet.Runtime.Network;
using NativeKubelet.Runtime.Stats;
using NativeKubelet.Runtime.Volumes;
using NativeKubelet.Sources;
using NativeKubelet.Status;

namespace NativeKubelet.Composition;

/// <summary>
/// A node's parts, made in the order in which they need each other. The daemon and the <c>run</c> verb are both this; what
/// only one of them does (ports, locks, kernel tunables; a tree of its own) is theirs. Disposing lets go of pods and stops none.
/// </summary>
internal sealed partial class NodeAgent : IAsyncDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private readonly List<Task> _loops = [];
    private readonly ILogger _log;

    private NodeAgent(ILogger log) => _log = log;

    public required KubeletOptions Options { get; init; }
    public required NodeIdentity Identity { get; init; }
    public required PodCgroups Cgroups { get; init; }
    public required SandboxNetwork Network { get; init; }
    public required ImageStore Images { get; init; }
    public required NodeRuntime Runtime { get; init; }
    public required PodWorkers Workers { get; init; }
    public required StatusBoard Board { get; init; }
    public required EventLog Events { get; init; }
    public required UsageSampler Usage { get; init; }
    public required PreloadDirectory Preload { get; init; }

    /// <summary>Takes over what an earlier agent left; pods begin with <see cref="Start"/>.</summary>
    /// <param name="facts">Of the machine.</param>
    public static async Task<NodeAgent> OpenAsync(
        KubeletOptions options, MachineFacts facts, NodeIdentity identity, TimeProvider time, ILoggerFactory logs, CancellationToken cancel)
    {
        CgroupFs groups = new(facts.Cgroups, time);
        LimitSettings limits = Limits(options, facts);
        PodCgroups cgroups = new(Tree(options.Cgroups), groups, limits, logs.CreateLogger<PodCgroups>());
        StatusBoard board = new();
        EventLog events = new(time);
        SandboxNetwork? network = null;
        ImageStore? images = null;
        NodeRuntime? runtime = null;
        try
        {
            network = new SandboxNetwork(NetworkOf(options), time, logs.CreateLogger<SandboxNetwork>());
            images = ImageStore.Open(
                options.Paths, new RegistryClient(new RegistrySettings(), time, logs.CreateLogger<RegistryClient>()), LayerLimits.Default, time, logs.CreateLogger<ImageStore>());
            runtime = await NodeRuntime.OpenAsync(
                RuntimeOf(options, facts, identity, limits), cgroups, groups, images, network, time, logs.CreateLogger<NodeRuntime>(), cancel);
            throw new NotImplementedException();
        }
        catch
        {
            if (runtime is not null) await runtime.DisposeAsync();
            images?.Dispose();
            network?.Dispose();
            throw;
        }
    }
}
