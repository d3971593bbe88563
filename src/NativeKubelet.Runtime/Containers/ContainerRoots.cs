using System.Collections.Immutable;
using NativeKubelet.Core.Containers.Users;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Namespaces;
using NativeKubelet.Runtime.Sandboxes;

namespace NativeKubelet.Runtime.Containers;

/// <param name="Path">Of the mounted root file system.</param>
/// <param name="Mounts">The volumes, where the OCI runtime takes them from.</param>
/// <param name="Users">Null for a pod of the host's users.</param>
internal sealed record ContainerRoot(string Path, ImmutableArray<ResolvedMount> Mounts, IdRange? Users);

/// <summary>
/// Makes containers' root file systems and takes them away. Those of pods with users of their own lie outside of RUN, which
/// nobody but the host's root may enter, and show their owners through the pod's user namespace.
/// </summary>
internal sealed class ContainerRoots(IImageStore images)
{
    /// <param name="label">Of all files (SELinux); null: as they are.</param>
    /// <exception cref="ImageException">The image is gone.</exception>
    /// <exception cref="IOException">A file system cannot be mounted, or not with a pod's own users.</exception>
    public async Task<ContainerRoot> MountAsync(SandboxRecord box, ContainerStart start, ContainerFiles files, string? label, CancellationToken cancel)
    {
        if (box.UserRange is not { } range)
        {
            await images.MountRootFileSystemAsync(start.Image, files.Data, files.RootFileSystem, null, label, cancel);
            return new(files.RootFileSystem, start.Mounts, null);
        }
        using FileDescriptor users = UserNamespace.OpenOf(box.PausePid);
        MappedMounts.Prepare(files.UsersDirectory);
        Directory.CreateDirectory(files.Bundle);
        await images.MountRootFileSystemAsync(start.Image, files.Data, files.UsersRootFileSystem, new(users, range.Host), label, cancel);
        return new(files.UsersRootFileSystem, MappedMounts.Stage(files.UsersDirectory, start.Mounts, users), range);
    }

    /// <summary>Gone already is fine.</summary>
    public async Task UnmountAsync(ContainerFiles files)
    {
        bool ownUsers = Directory.Exists(files.UsersDirectory);
        await images.UnmountRootFileSystemAsync(files.Data, ownUsers ? files.UsersRootFileSystem : files.RootFileSystem, CancellationToken.None);
        if (!ownUsers) return;
        MappedMounts.Unstage(files.UsersDirectory);
        DirectoryHandle.DeleteTree(files.UsersDirectory);
    }
}
