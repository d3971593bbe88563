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

    private readonly NodeSystem _system = new(
        FirstText("/etc/machine-id", "/var/lib/dbus/machine-id"),
        FirstText("/sys/class/dmi/id/product_uuid", "/proc/device-tree/vm,uuid", "/etc/machine-id", "/var/lib/dbus/machine-id"),
        plan.Machine.BootId, plan.Machine.KernelRelease, OsImage(), $"{PodStatusWire.RuntimeName}://{KubeletVersion.Text.TrimStart('v')}", KubeletVersion.Text,
        ApiTransport.Architecture, plan.Machine.SwapBytes);

    private readonly ValueList<NodeAddress> _addresses =
    [
        .. plan.Identity.Addresses.Select(a => new NodeAddress("InternalIP", a.ToString())), new NodeAddress("Hostname", plan.Identity.Name),
    ];

    private (ImmutableArray<ImageRecord> From, ValueList<NodeImage> To) _images = ([], []);

    public NodeReport Observe()
    {
        List<string> notReady = [];
        if (networkNotReady() is { } network) notReady.Add(network);
        if (plan.Identity.Addresses.IsEmpty) notReady.Add(plan.Identity.Problem ?? "this node has no address");
        return new(
            _addresses, plan.Resources.Node.Capacity, plan.Resources.Node.Allocatable, port(), _system, Images(), ["", "runc"],
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

    private static string OsImage()
    {
        foreach (string file in (string[])["/etc/os-release", "/usr/lib/os-release"])
            if (File.Exists(file) && File.ReadLines(file).FirstOrDefault(l => l.StartsWith("PRETTY_NAME=", StringComparison.Ordinal)) is { } line)
                return line["PRETTY_NAME=".Length..].Trim('"', '\'', ' ');
        return "Linux";
    }

    private static string FirstText(params ReadOnlySpan<string> files)
    {
        foreach (string file in files)
            try
            {
                if (File.Exists(file) && File.ReadAllText(file).Trim('\n', ' ', '\0') is { Length: > 0 } text) return text;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The next one may be readable.
            }
        return "";
    }
}
