using NativeKubelet.Config;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Machines;

namespace NativeKubelet.Composition;

/// <summary>All that a node is told before it begins.</summary>
/// <param name="OwnTree">cgroupRoot is this node's alone: it is made, and may be removed with all in it.</param>
internal sealed record NodePlan(KubeletOptions Options, MachineFacts Machine, NodeIdentity Identity, NodeResources Resources, bool OwnTree)
{
    /// <summary>Where images are kept; elsewhere than all else for a node that leaves only those behind.</summary>
    public RuntimePaths Images { get; init; } = Options.Paths;
}
