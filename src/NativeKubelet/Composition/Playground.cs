using System.Security.Cryptography;
using NativeKubelet.Config;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Machines;

namespace NativeKubelet.Composition;

/// <summary>
/// A node for a while: directories, control groups and a bridge with random names, beside whatever else runs on the machine,
/// and nothing of it left afterwards. It opens no port and reads no CNI configuration.
/// </summary>
internal sealed class Playground
{
    private readonly string _home, _tree;
    private readonly TimeProvider _time;

    /// <param name="images">Where images stay; null: they go with the rest.</param>
    public Playground(string? images, TimeProvider time)
    {
        string tag = RandomNumberGenerator.GetHexString(8, lowercase: true), run = $"/run/nativekubelet-run-{tag}";
        (_home, _tree, _time) = ($"/var/tmp/nativekubelet-run-{tag}", $"/nk-run-{tag}", time);
        KubeletOptions options = OptionsResolver.Resolve(FlagParser.Parse(
        [
            $"--root-dir={_home}/root", $"--data-dir={_home}/data", $"--run-dir={run}", $"--container-logs-dir={_home}/logs/containers",
            $"--cgroup-root={_tree}", $"--bridge-name=nkr{tag}", $"--cni-conf-dir={_home}/cni", $"--cni-cache-dir={_home}/cni-cache",
        ]));
        RuntimePaths paths = options.Paths with { PodLogs = $"{_home}/logs/pods" };
        Directory.CreateDirectory(paths.Root);
        MachineFacts machine = MachineReader.Read();
        Plan = new(
            options with { Paths = paths }, machine, NodeIdentity.Read(options.Node),
            NodeResources.Everything(machine.Capacity(options.Pods.MaxPods, FileSystemSpace.Of(paths.Root).TotalBytes)), OwnTree: true)
        {
            Images = images is null ? paths : paths with { Data = Path.GetFullPath(images) },
        };
    }

    public NodePlan Plan { get; }

    /// <summary>Ends everything in its control groups, and removes groups, mounts and files. The node agent has been disposed of.</summary>
    /// <exception cref="IOException">Something is left; the message names it.</exception>
    public async Task RemoveAsync(CancellationToken cancel)
    {
        if (!await new CgroupFs(Plan.Machine.Cgroups, _time).DestroyAsync(_tree, cancel)) throw new IOException($"processes in the control group {_tree} do not end");
        string[] directories = [Plan.Options.Paths.Run, _home];
        try
        {
            foreach (MountInfo mount in MountInfo.Parse(await File.ReadAllTextAsync("/proc/self/mountinfo", cancel)).Reverse())
                if (directories.Any(d => mount.MountPoint.StartsWith(d + "/", StringComparison.Ordinal))) MountPoint.Detach(mount.MountPoint);
            foreach (string directory in directories) DirectoryHandle.DeleteTree(directory);
        }
        catch (ErrnoException e)
        {
            throw new IOException($"files are left: {e.Message}", e);
        }
    }
}
