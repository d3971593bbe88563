using System.Collections.Immutable;
using k8s.Models;

namespace NativeKubelet.Runtime;

/// <summary>
/// Volumes of the node's pods. Calls for one pod are made by that pod's worker only; calls for different pods run in
/// parallel. Only volumes that a container mounts are made.
/// </summary>
public interface IVolumes
{
    /// <summary>Makes what is not there yet; what is there keeps its content, through restarts of containers and agents.</summary>
    /// <exception cref="VolumeException">The first volume that cannot be had.</exception>
    Task SetUpAsync(V1Pod pod, CancellationToken cancel);

    /// <summary>Mounts an image volume; one that is mounted stays as it is.</summary>
    /// <param name="image">What the volume names; present on the node.</param>
    /// <param name="usersPid">A process in the pod's own user namespace; null for a pod of the host's users.</param>
    /// <exception cref="RuntimeException">CreateContainerError.</exception>
    Task SetUpImageAsync(V1Pod pod, V1Volume volume, ImageRecord image, int? usersPid, CancellationToken cancel);

    /// <summary>Brings the files of volumes that are there up to date with the objects that they show; makes no volume.</summary>
    /// <exception cref="VolumeException">What cannot be had now; those files stay as they are.</exception>
    Task RefreshAsync(V1Pod pod, CancellationToken cancel);

    /// <summary>Where the container's volumes are on the host, in the order of its volumeMounts; they have been set up.</summary>
    /// <param name="environment">What subPathExpr may refer to.</param>
    /// <exception cref="VolumeException">A part of a volume, or a kind of mount, that cannot be had.</exception>
    Task<ImmutableArray<ResolvedMount>> MountsAsync(
        V1Pod pod, V1Container container, IReadOnlyDictionary<string, string> environment, CancellationToken cancel);

    /// <summary>Block devices that the container is given by name; they have been set up.</summary>
    /// <exception cref="VolumeException">What is named is no device.</exception>
    ImmutableArray<ResolvedDevice> Devices(V1Pod pod, V1Container container);

    /// <summary>Ends the pod's volumes with their content; directories of the host stay as they are. Gone already is success.</summary>
    /// <exception cref="VolumeException">Something would not go: try again.</exception>
    Task TearDownAsync(string podUid, CancellationToken cancel);
}

/// <summary>A volume cannot be had or ended; the message is the event's, and says what would help.</summary>
public sealed class VolumeException(string message, Exception? inner = null) : Exception(message, inner);
