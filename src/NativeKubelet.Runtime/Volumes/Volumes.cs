using System.Collections.Concurrent;
using System.Collections.Immutable;
using k8s.Models;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Objects;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;
using NativeKubelet.Core.Volumes;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>
/// The kinds of volume that need nothing but this machine. Nothing about them is kept in memory: what exists is seen in the
/// file system and in the mount table, so that an agent that starts anew goes on where the last one ended.
/// </summary>
/// <param name="allocatable">What pods may use together: the limit of volumes in memory, and of containers that set none.</param>
public sealed partial class Volumes(
    RuntimePaths paths, IObjects objects, ITokens tokens, IImageStore images, ResourceAmounts allocatable, NodeFacts node, TimeProvider time, ILogger<Volumes> log) : IVolumes
{
    /// <summary>As long as the original waits for volumes before it says so and tries again.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(123);

    private readonly ContentVolume _content = new(paths, time, node.SELinux is not null);
    private readonly ClaimVolume _claims = new(paths, node);
    private readonly ImageVolume _images = new(paths, images, node.SELinux is { } labels && SELinuxLabels.Knows(labels.SharedFile) ? labels.SharedFile.ToString() : null);
    private readonly SubPaths _subPaths = new(paths);

    // A look at a dead network file system never returns. One such look per pod is enough: the next one waits for it.
    private readonly ConcurrentDictionary<string, Task> _busy = new();

    public StorageOperations Operations { get; } = new();

    public async Task SetUpAsync(V1Pod pod, CancellationToken cancel)
    {
        VolumeFacts known = await FactsAsync(pod, cancel);
        await BoundedAsync(pod.Metadata.Uid, "set up", () =>
        {
            foreach (V1Volume volume in VolumeUse.Used(pod)) Guarded(volume, () => Operations.Mount(volume, () => SetUp(pod, volume, known)));
        }, cancel);
    }

    public Task SetUpImageAsync(V1Pod pod, V1Volume volume, ImageRecord image, int? usersPid, CancellationToken cancel) => _images.SetUpAsync(pod, volume, image, usersPid, cancel);

    public async Task RefreshAsync(V1Pod pod, CancellationToken cancel)
    {
        // Nobody is asked for what is not shown yet.
        List<V1Volume> shown = [.. VolumeUse.Used(pod).Where(v => VolumeContent.Shows(v) && _content.Directory(pod, v).Exists)];
        if (shown.Count == 0) return;
        VolumeFacts known = await FactsAsync(pod, cancel);
        await BoundedAsync(pod.Metadata.Uid, "refresh", () =>
        {
            VolumeException? first = null;
            foreach (V1Volume volume in shown)
            {
                try
                {
                    Guarded(volume, () => _content.Refresh(pod, volume, known));
                }
                catch (VolumeException e)
                {
                    first ??= e;    // the others follow their objects all the same
                }
            }
            if (first is not null) throw first;
        }, cancel);
    }

    public async Task<ImmutableArray<ResolvedMount>> MountsAsync(
        V1Pod pod, V1Container container, IReadOnlyDictionary<string, string> environment, CancellationToken cancel)
    {
        ImmutableArray<ResolvedMount>.Builder mounts = ImmutableArray.CreateBuilder<ResolvedMount>(container.VolumeMounts?.Count ?? 0);
        if (container.VolumeMounts is not { Count: > 0 } wanted) return [];
        // Only labels need to know what kind of volume a claim has, once its data is there.
        NodeObjects known = node.SELinux is not null && VolumeUse.Used(pod).Any(v => v.PersistentVolumeClaim is not null) ? await objects.ForAsync(pod, cancel) : NodeObjects.Empty;
        await BoundedAsync(pod.Metadata.Uid, "resolve", () =>
        {
            for (int i = 0; i < wanted.Count; i++) mounts.Add(Resolve(pod, container, wanted[i], i, environment, known));
        }, cancel);
        return mounts.ToImmutable();
    }

    public ImmutableArray<ResolvedDevice> Devices(V1Pod pod, V1Container container) =>
    [
        .. from device in container.VolumeDevices ?? []
           let volume = pod.Spec.Volumes?.FirstOrDefault(v => v.Name == device.Name)
               ?? throw new VolumeException($"cannot find volume \"{device.Name}\" to pass into container \"{container.Name}\"")
           let source = volume.PersistentVolumeClaim is not null ? _claims.Path(pod, volume) : throw new VolumeException($"volume {device.Name} is no claim, so no device")
           where HostPathVolume.KindOf(source) == FileKind.BlockDevice ? true
               : throw new VolumeException($"volume {device.Name} has volumeMode Filesystem, but is specified in volumeDevices")
           select new ResolvedDevice(source, VolumeUse.Place(device.DevicePath), volume.PersistentVolumeClaim.ReadOnlyProperty == true),
    ];

    public async Task TearDownAsync(string podUid, CancellationToken cancel)
    {
        tokens.Forget(podUid);
        string pod = paths.PodDirectory(podUid);
        if (!Directory.Exists(pod)) return;
        try
        {
            await BoundedAsync(podUid, "unmount", () =>
            {
                // Parts of volumes hold the volumes that they are of.
                _subPaths.Remove(podUid);
                TakeDown(Path.Combine(pod, "volumes"));
            }, cancel);
            await _images.ReleaseAsync(podUid, cancel);
            await BoundedAsync(podUid, "remove", () =>
            {
                using DirectoryHandle directory = DirectoryHandle.Open(pod);
                directory.RemoveTree("volumes");
                directory.RemoveTree("plugins");
            }, cancel);
        }
        catch (Exception e) when (e is IOException or ImageException)
        {
            throw new VolumeException($"volumes of pod {podUid} are not removed yet: {e.Message}", e);
        }
    }

    private async ValueTask<VolumeFacts> FactsAsync(V1Pod pod, CancellationToken cancel) =>
        new(await objects.ForAsync(pod, cancel), await tokens.ForAsync(pod, cancel), allocatable);

    private void SetUp(V1Pod pod, V1Volume volume, VolumeFacts known)
    {
        if (volume.EmptyDir is not null) EmptyDirVolume.SetUp(paths, pod, volume, allocatable);
        else if (volume.HostPath is { } host) HostPathVolume.SetUp(host);
        else if (VolumeContent.Shows(volume)) _content.SetUp(pod, volume, known);
        else if (volume.PersistentVolumeClaim is not null) _claims.SetUp(pod, volume, known.Objects);
        // Another kind is refused with its container (SupportedFields), and the rest of the pod is told so.
    }

    private ResolvedMount Resolve(V1Pod pod, V1Container container, V1VolumeMount mount, int index, IReadOnlyDictionary<string, string> environment, NodeObjects known)
    {
        V1Volume volume = pod.Spec.Volumes?.FirstOrDefault(v => v.Name == mount.Name)
            ?? throw new VolumeException($"cannot find volume \"{mount.Name}\" to mount into container \"{container.Name}\"");
        bool shown = VolumeContent.Shows(volume);
        string source = volume switch
        {
            { EmptyDir: not null } => EmptyDirVolume.Directory(paths, pod.Metadata.Uid, volume.Name).Path,
            { HostPath: { } host } => host.Path,
            _ when shown => _content.Directory(pod, volume).Path,
            { Image: not null } => ImageVolume.PathOf(paths, pod.Metadata.Uid, volume.Name),
            { PersistentVolumeClaim: not null } => _claims.Path(pod, volume),
            _ => throw new VolumeException($"volume \"{mount.Name}\": this kind of volume is not mounted by this version"),
        };
        if (volume.PersistentVolumeClaim is not null && HostPathVolume.KindOf(source) == FileKind.BlockDevice)
            throw new VolumeException($"volume {mount.Name} has volumeMode Block, but is specified in volumeMounts");
        string part = SubPathOf(container, mount, environment);
        if (part.Length > 0) source = PartOf(pod, container, mount, index, source, part);
        string propagation = string.IsNullOrEmpty(mount.MountPropagation) ? "None" : mount.MountPropagation;
        if (SharedRoot.Fault(source, propagation) is { } fault) throw new VolumeException($"volumeMount \"{mount.Name}\" of container \"{container.Name}\": {fault}");
        // The agent writes these; a pod that could write to them would be overwritten, or overwrite others.
        bool readOnly = mount.ReadOnlyProperty == true || shown || volume.Image is not null || volume.PersistentVolumeClaim?.ReadOnlyProperty == true;
        return new(source, VolumeUse.Place(mount), readOnly, propagation)
        {
            RecursiveReadOnly = readOnly && RecursiveReadOnly(mount, container),
            NoExec = volume.Image is not null,
            TakesLabel = node.SELinux is not null && (volume.EmptyDir is not null || shown || (volume.PersistentVolumeClaim is { ReadOnlyProperty: not true } && _claims.TakesLabel(pod, volume, known))),
            OwnersMapped = volume.Image is not null && pod.Spec.HostUsers == false,
        };
    }

    /// <summary>What is mounted below a read-only mount is read-only too.</summary>
    public static bool IsRecursive(V1VolumeMount mount) =>
        mount.RecursiveReadOnly == "Enabled" || (mount.RecursiveReadOnly == "IfPossible" && MountPoint.CanSetAttributes);

    private static bool RecursiveReadOnly(V1VolumeMount mount, V1Container container) =>
        IsRecursive(mount) && (MountPoint.CanSetAttributes ? true
            : throw new VolumeException($"volumeMount \"{mount.Name}\" of container \"{container.Name}\": recursiveReadOnly needs Linux 5.12; set it to IfPossible, or leave it out"));

    /// <returns>Empty: the whole volume.</returns>
    private static string SubPathOf(V1Container container, V1VolumeMount mount, IReadOnlyDictionary<string, string> environment)
    {
        string path = mount.SubPath ?? "";
        if (!string.IsNullOrEmpty(mount.SubPathExpr))
        {
            List<string> missing = [];
            path = VariableExpansion.Expand(mount.SubPathExpr, name =>
            {
                string value = environment.GetValueOrDefault(name) ?? "";
                if (value.Length == 0) missing.Add(name);
                return value;
            });
            if (missing.Count > 0) throw new VolumeException($"failed to expand subPathExpr \"{mount.SubPathExpr}\" of volumeMount \"{mount.Name}\" of container \"{container.Name}\": missing value for {string.Join(", ", missing)}");
        }
        return path.StartsWith('/') || path.Split('/').Contains("..") || path.Contains('\0', StringComparison.Ordinal)
            ? throw new VolumeException($"unable to provision SubPath `{path}` of volumeMount \"{mount.Name}\": must be a relative path without '..'")
            : path;
    }

    private string PartOf(V1Pod pod, V1Container container, V1VolumeMount mount, int index, string volumeRoot, string part)
    {
        try
        {
            return _subPaths.SetUp(pod.Metadata.Uid, mount.Name, container.Name, index, volumeRoot, part);
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            // To the pod's owner not a word of what lies where on the machine; to its operator all of it.
            SubPathRefused(pod.Metadata.Uid, container.Name, mount.Name, e.Message);
            throw new VolumeException($"failed to prepare subPath for volumeMount \"{mount.Name}\" of container \"{container.Name}\"", e);
        }
    }

    /// <summary>
    /// Only mounts of ours, exactly on a volume; what somebody else mounted inside one keeps the volume, and is told. Files are
    /// removed later and from above, as only that way no mount of others is entered.
    /// </summary>
    private void TakeDown(string volumes)
    {
        if (!Directory.Exists(volumes)) return;
        HashSet<string> mounted = [.. MountPoint.Below(volumes)];
        using DirectoryHandle all = DirectoryHandle.Open(volumes);
        foreach (KernelPath plugin in all.List())
        {
            using DirectoryHandle? kind = all.TryOpenDirectory(plugin, out _);
            string directory = plugin.ToString();
            foreach (KernelPath name in kind?.List() ?? [])
                if (name.ToString() is var volume && !volume.StartsWith('.'))       // what was never finished
                    Operations.Unmount(directory, () =>
                    {
                        string path = Path.Combine(volumes, directory, volume);
                        if (mounted.Contains(path)) MountPoint.UnmountAll(path);
                    });
        }
    }

    private static void Guarded(V1Volume volume, Action work)
    {
        try
        {
            work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or VolumeContentException)
        {
            throw new VolumeException($"MountVolume.SetUp failed for volume \"{volume.Name}\" : {e.Message}", e);
        }
    }

    private async Task BoundedAsync(string podUid, string what, Action work, CancellationToken cancel)
    {
        Task task = _busy.AddOrUpdate(podUid, _ => Task.Run(work, CancellationToken.None), (_, earlier) => After(earlier, work));
        try
        {
            await task.WaitAsync(Patience, time, cancel);
        }
        catch (TimeoutException e)
        {
            throw new VolumeException($"Unable to {what} volumes of pod {podUid}: a file system does not answer", e);
        }
        finally
        {
            if (task.IsCompleted) _busy.TryRemove(new(podUid, task));
        }
    }

    private static Task After(Task earlier, Action work) =>
        earlier.ContinueWith(_ => work(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    [LoggerMessage(LogLevel.Warning, "SubPathRefused pod={Pod} container={Container} volume={Volume}: {Cause}")]
    private partial void SubPathRefused(string pod, string container, string volume, string cause);
}
