using System.Collections.Immutable;
using NativeKubelet.Cluster;
using NativeKubelet.Composition;
using NativeKubelet.Core.Node;
using NativeKubelet.Core.Pods;
using NativeKubelet.Runtime;
using NativeKubelet.Status;

namespace NativeKubelet.Node;

/// <summary>Puts together what this node says of itself. What cannot change while the agent runs is read once.</summary>
internal sealed class NodeObserver(NodePlan plan, IImageStore images, Func<string?> networkNotReady, Func<int> port)
{
    private const int NamesPerImage = 5;

    private readonly NodeSystem _system = Describe(plan, MachineIdentity.Read());

    private readonly ValueList<NodeAddress> _addresses = AddressesOf(plan.Identity);

    private (ImmutableArray<ImageRecord> From, ValueList<NodeImage> To) _images = ([], []);

    public static ValueList<NodeAddress> AddressesOf(NodeIdentity identity) =>
        [.. identity.Addresses.Select(a => new NodeAddress("InternalIP", a.ToString())), new NodeAddress("Hostname", identity.Name)];

    public NodeReport Observe()
    {
        List<string> notReady = [];
        if (networkNotReady() is { } network) notReady.Add(network);
        if (plan.Identity.Addresses.IsEmpty) notReady.Add(plan.Identity.Problem ?? "this node has no address");
        return new(
            _addresses, plan.Resources.Node.Capacity, plan.Resources.Node.Allocatable, port(), _system, Images(), ["", "runc"], plan.Options.Gates.Declared,
            // Eviction is a later feature; its signals are told truthfully by the kernel's own figures until then.
            NodeConditions.Of(memoryPressure: false, diskPressure: false, pidPressure: false, notReady.ToValueList()));
    }

    /// <summary>The list is made anew only when the store's own has changed.</summary>
    private ValueList<NodeImage> Images()
    {
        ImmutableArray<ImageRecord> now = images.Images;
        if (_images.From == now) return _images.To;
        int most = plan.Options.Configuration.NodeStatusMaxImages is { } limit and >= 0 ? limit : int.MaxValue;
        _images = (now,
        [
            .. now.OrderByDescending(i => i.SizeBytes).Take(most)
                .Select(i => new NodeImage([.. i.RepoDigests.Concat(i.RepoTags).Take(NamesPerImage)], i.SizeBytes)),
        ]);
        return _images.To;
    }

    private static NodeSystem Describe(NodePlan plan, MachineIdentity machine) => new(
        machine.MachineId, machine.SystemUuid, plan.Machine.BootId, plan.Machine.KernelRelease, machine.OsImage,
        $"{PodStatusWire.RuntimeName}://{KubeletVersion.Text.TrimStart('v')}", KubeletVersion.Text, ApiTransport.Architecture, plan.Machine.SwapBytes);
}
