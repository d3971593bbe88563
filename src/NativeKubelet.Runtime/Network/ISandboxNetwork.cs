using System.Collections.Immutable;

namespace NativeKubelet.Runtime;

/// <summary>The network of sandboxes that have a namespace of their own: CNI where a configuration exists, else the bridge.</summary>
public interface ISandboxNetwork
{
    /// <summary>Null when pods can get a network now; otherwise the sentence for the NetworkNotReady event.</summary>
    string? NotReady { get; }

    /// <summary>Sets up lo and the pod's interface. On failure everything already made is undone.</summary>
    /// <exception cref="RuntimeException">FailedCreatePodSandBox with the plugin's or kernel's own words.</exception>
    Task<ImmutableArray<string>> AddAsync(NetworkAttachment attachment, CancellationToken cancel);

    /// <summary>Works from what was kept at Add alone: namespace, configuration and plugins may be gone. Repeatable.</summary>
    Task RemoveAsync(string sandboxId, CancellationToken cancel);

    /// <summary>Reads what earlier agents wrote down, so that nobody waits for it later.</summary>
    Task ReadAsync(CancellationToken cancel);

    /// <summary>After start: takes away what belongs to no living sandbox, restores rules and leases of those that live.</summary>
    Task ReconcileAsync(ImmutableHashSet<string> liveSandboxes, CancellationToken cancel);
}

/// <param name="NamespacePath">RUN/netns/SANDBOX.</param>
public sealed record NetworkAttachment(
    string SandboxId,
    string NamespacePath,
    string PodName,
    string PodNamespace,
    string PodUid,
    string CgroupPath,
    ImmutableArray<PortMapping> Ports,
    ImmutableDictionary<string, string> Annotations);
