using k8s.Models;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Namespaces;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>image (spec 41 §5.4): an image's files, read-only, mounted once for all containers of a pod.</summary>
/// <param name="label">Of its files (SELinux), as containers of every level read them; null: as they are.</param>
internal sealed class ImageVolume(RuntimePaths paths, IImageStore images, string? label)
{
    private const string Plugin = "kubernetes.io~image";
    private const uint ParentMode = 0x1E8; // 0750

    public static string PathOf(RuntimePaths paths, string podUid, string volume) => Directory(paths, podUid, volume).Path;

    /// <exception cref="RuntimeException">CreateContainerError.</exception>
    public async Task SetUpAsync(V1Pod pod, V1Volume volume, ImageRecord image, int? usersPid, CancellationToken cancel)
    {
        VolumeDirectory directory = Directory(paths, pod.Metadata.Uid, volume.Name);
        try
        {
            // What is mounted stays what it was, as containers that share it must see one thing.
            if (!directory.MakeMountPoint()) return;
            using FileDescriptor? users = usersPid is { } pid ? UserNamespace.OpenOf(pid) : null;
            await images.MountReadOnlyAsync(image, Lease(pod.Metadata.Uid, volume.Name), directory.Path, users, label, cancel);
        }
        catch (Exception e) when (e is IOException or ErrnoException or ImageException)
        {
            throw new RuntimeException("CreateContainerError", $"ImageVolumeMountFailed: volume \"{volume.Name}\", image {volume.Image.Reference}: {e.Message}", e);
        }
    }

    /// <summary>Lets the image store have the layers back; all of the pod's volumes are unmounted.</summary>
    public async Task ReleaseAsync(string podUid, CancellationToken cancel)
    {
        string leases = Path.Combine(paths.PodDirectory(podUid), "plugins", Plugin);
        if (!System.IO.Directory.Exists(leases)) return;
        foreach (string lease in System.IO.Directory.GetDirectories(leases))
            await images.UnmountRootFileSystemAsync(lease, PathOf(paths, podUid, Path.GetFileName(lease)), cancel);
    }

    /// <summary>Its layers are the image store's to keep as long as this directory is there; it goes with the pod's volumes.</summary>
    private string Lease(string podUid, string volume)
    {
        using DirectoryHandle pod = DirectoryHandle.Open(paths.PodDirectory(podUid));
        pod.TryMakeDirectory("plugins", ParentMode);
        using DirectoryHandle plugins = pod.OpenDirectory("plugins");
        plugins.TryMakeDirectory(Plugin, ParentMode);
        return Path.Combine(plugins.Name, Plugin, volume);
    }

    private static VolumeDirectory Directory(RuntimePaths paths, string podUid, string volume) => new(paths, podUid, Plugin, volume);
}
