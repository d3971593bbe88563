using System.Collections.Immutable;
using NativeKubelet.Core.Containers;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime;

/// <summary>Images on this node: names, digests, layers. Safe for parallel use; one download per digest at a time.</summary>
public interface IImageStore
{
    ImmutableArray<ImageRecord> Images { get; }

    /// <summary>Finds by name as a user writes it, by repository digest, or by image ID.</summary>
    /// <exception cref="ImageException">InvalidImageName.</exception>
    ImageRecord? Find(string reference);

    /// <summary>Pulls and unpacks; layers that are here already are not fetched again. Resumes broken downloads.</summary>
    /// <exception cref="ImageException">ErrImagePull, RegistryUnavailable, InvalidImageName with a message for people.</exception>
    Task<ImageRecord> PullAsync(string reference, ImmutableArray<RegistryCredential> credentials, IProgress<PullProgress>? progress, CancellationToken cancel);

    /// <summary>Imports an OCI-layout or docker archive (plain, gzip or zstd), or a directory that is an OCI layout.</summary>
    /// <param name="pinned">Kept from garbage collection: a node without a registry could not get them back.</param>
    /// <exception cref="ImageException">No such archive, damaged, or nothing in it for this machine; images before the fault are kept.</exception>
    Task<ImmutableArray<ImageRecord>> ImportAsync(string archivePath, bool pinned, IProgress<PullProgress>? progress, CancellationToken cancel);

    /// <returns>False when there was no such image. Layers that containers still use stay until they go.</returns>
    Task<bool> RemoveAsync(string reference, CancellationToken cancel);

    /// <summary>
    /// Mounts the image's layers read-only below a fresh writable layer at <paramref name="target"/>; upper and work
    /// directories are made in <paramref name="writableDirectory"/>.
    /// </summary>
    /// <param name="users">Whose the files are to be; null: as they are.</param>
    /// <param name="label">Of all files (SELinux); null: as they are.</param>
    /// <exception cref="ImageException">ImageInspectError: the image was removed meanwhile; pull it again.</exception>
    Task MountRootFileSystemAsync(ImageRecord image, string writableDirectory, string target, MappedUsers? users, string? label, CancellationToken cancel);

    /// <summary>Mounts the image's layers at <paramref name="target"/> for reading only; they are kept as long as <paramref name="leaseDirectory"/>, which is made, exists.</summary>
    /// <param name="users">The namespace through which its owners are shown; null: as they are.</param>
    /// <param name="label">Of all files (SELinux); null: as they are.</param>
    /// <exception cref="ImageException">ImageInspectError: the image was removed meanwhile; pull it again.</exception>
    /// <exception cref="IOException">Not with other owners.</exception>
    Task MountReadOnlyAsync(ImageRecord image, string leaseDirectory, string target, FileDescriptor? users, string? label, CancellationToken cancel);

    /// <summary>
    /// Unmounts what <see cref="MountRootFileSystemAsync"/> mounted, removes the writable layer and frees the image's layers.
    /// What has gone already is fine. A writable directory that was simply removed frees them as well, a little later.
    /// </summary>
    Task UnmountRootFileSystemAsync(string writableDirectory, string target, CancellationToken cancel);
}

/// <summary>The users of a pod's own namespace.</summary>
/// <param name="Namespace">Open; through it owners on disk are shown.</param>
/// <param name="FirstId">The host's id of its root.</param>
public sealed record MappedUsers(FileDescriptor Namespace, uint FirstId);

/// <param name="Id">sha256:… of the image's configuration.</param>
/// <param name="Layers">Chain of diff IDs, base first.</param>
/// <param name="SizeBytes">Compressed layers + config + manifest.</param>
public sealed record ImageRecord(
    string Id,
    ImmutableArray<string> RepoTags,
    ImmutableArray<string> RepoDigests,
    ImmutableArray<string> Layers,
    long SizeBytes,
    bool Pinned,
    ImageConfig Config);

/// <param name="Registry">Host (and port) that it is for; it is never sent anywhere else.</param>
public sealed record RegistryCredential(string Registry, string Username, string Password, string? IdentityToken = null);

/// <param name="Total">0 while unknown.</param>
public sealed record PullProgress(string Layer, long Done, long Total, string Stage);

/// <param name="reason">ErrImagePull, RegistryUnavailable, ErrImageNeverPull, InvalidImageName, ImageInspectError.</param>
public sealed class ImageException(string reason, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Reason { get; } = reason;
}
