using NativeKubelet.Config;

namespace NativeKubelet.Composition;

/// <summary>All that a node is told before it begins.</summary>
/// <param name="OwnTree">cgroupRoot is this node's alone: it is made, and may be removed with all in it.</param>
internal sealed record NodePlan(KubeletOptions Options, Machine Machine, NodeIdentity Identity, NodeResources Resources, bool OwnTree);
