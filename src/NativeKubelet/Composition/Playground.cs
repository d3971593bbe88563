using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Config;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Machines;
using NativeKubelet.Runtime.Network;

namespace NativeKubelet.Composition;

/// <summary>
/// A node for a while: directories, control groups and a bridge with random names, beside whatever else runs on the machine,
/// and nothing of it left afterwards. It opens no port and reads no CNI configuration.
/// </summary>
internal sealed class Playground
{
    private const string RunPrefix = "/run/nativekubelet-run-", HomePrefix = "/var/tmp/nativekubelet-run-", LockSuffix = ".lock";
    private const int TagDigits = 8;
    private const uint OwnerOnly = 0x1C0;

    private readonly string _tag, _home, _tree;
    private readonly TimeProvider _time;
    private readonly FileLock _lock;

    private Playground(string tag, FileLock held, string? images, TimeProvider time)
    {
        (_tag, _lock, _home, _tree, _time) = (tag, held, HomePrefix + tag, $"/nk-run-{tag}", time);
        string run = RunPrefix + tag;
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

    /// <param name="images">Where images stay; null: they go with the rest.</param>
    /// <exception cref="IOException">Its directories cannot be made, or the machine has no control groups.</exception>
    public static Playground Create(string? images, TimeProvider time) => Enter(RandomNumberGenerator.GetHexString(TagDigits, lowercase: true), images, time);

    public NodePlan Plan { get; }

    /// <summary>Removes what playgrounds left whose process was killed. Those whose lock is held live, and are left alone.</summary>
    /// <returns>Of each that was found, its tag and null, or what is in the way of its removal.</returns>
    public static async Task<IReadOnlyList<(string Tag, string? Problem)>> SweepAsync(TimeProvider time, CancellationToken cancel)
    {
        List<(string, string?)> swept = [];
        foreach (string tag in Dead())
            try
            {
                Playground dead = Enter(tag, null, time);
                try
                {
                    using SandboxNetwork network = new(NodeAgent.NetworkOf(dead.Plan.Options), time, NullLogger.Instance);
                    await network.RemoveEverythingAsync(cancel);
                }
                finally
                {
                    await dead.RemoveAsync(cancel);
                }
                swept.Add((tag, null));
            }
            catch (Exception e) when (e is IOException or RuntimeException or ErrnoException or UnauthorizedAccessException)
            {
                swept.Add((tag, e.Message));
            }
        return swept;
    }

    /// <summary>Tags of playgrounds that nobody plays in any more: their lock is there, and free. Without one nothing is known, and nothing touched.</summary>
    public static IReadOnlyList<string> Dead() =>
    [
        .. from path in Directory.EnumerateFiles(Path.GetDirectoryName(HomePrefix)!, $"{Path.GetFileName(HomePrefix)}*{LockSuffix}")
           let name = Path.GetFileNameWithoutExtension(path)
           let tag = name[(name.LastIndexOf('-') + 1)..]
           where tag.Length == TagDigits && tag.All(char.IsAsciiHexDigitLower) && IsOwn(path) && !FileLock.IsHeld(path)
           select tag,
    ];

    /// <summary>Outlives a reboot, as the directory beside it does.</summary>
    private static string LockOf(string tag) => HomePrefix + tag + LockSuffix;

    /// <summary>/var/tmp is everybody's: what another user put there under such a name is not believed.</summary>
    private static bool IsOwn(string path)
    {
        using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(path)!);
        return parent.TryStatus(Path.GetFileName(path)) is { Uid: 0, Kind: FileKind.Directory or FileKind.Regular };
    }

    /// <summary>Nothing is made before the lock is held, by which others know that it lives; what cannot be made to the end is not begun.</summary>
    private static Playground Enter(string tag, string? images, TimeProvider time)
    {
        string home = HomePrefix + tag;
        FileLock held = FileLock.TryTake(LockOf(tag), out int holder) ?? throw new IOException($"{LockOf(tag)} is held by process {holder}");
        bool made = false;
        try
        {
            using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(home)!);
            made = parent.TryMakeDirectory(Path.GetFileName(home), OwnerOnly);
            if (!IsOwn(home)) throw new IOException($"{home} is another user's; remove it");
            return new(tag, held, images, time);
        }
        catch
        {
            if (made) DirectoryHandle.DeleteTree(home);
            File.Delete(LockOf(tag));
            held.Dispose();
            throw;
        }
    }

    /// <summary>Ends everything in its control groups, and removes groups, mounts and files. The node agent has been disposed of.</summary>
    /// <exception cref="IOException">Something is left; the message names it.</exception>
    public async Task RemoveAsync(CancellationToken cancel)
    {
        if (!await new CgroupFs(Plan.Machine.Cgroups, _time).DestroyAsync(_tree, cancel)) throw new IOException($"processes in the control group {_tree} do not end");
        string[] directories = [Plan.Options.Paths.Run, Plan.Options.Paths.UsersRun, _home];
        try
        {
            foreach (MountInfo mount in MountInfo.Parse(await File.ReadAllTextAsync("/proc/self/mountinfo", cancel)).Reverse())
                if (directories.Any(d => mount.MountPoint.StartsWith(d + "/", StringComparison.Ordinal))) MountPoint.Detach(mount.MountPoint);
            foreach (string directory in directories) DirectoryHandle.DeleteTree(directory);
            // Last, and while it is held: until then the rest can be found by it.
            File.Delete(LockOf(_tag));
            _lock.Dispose();
        }
        catch (ErrnoException e)
        {
            throw new IOException($"files are left: {e.Message}", e);
        }
    }
}
