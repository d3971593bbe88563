using System.Collections.Frozen;
using k8s.Models;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Objects;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Volumes;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Volumes;

/// <summary>
/// persistentVolumeClaim on a node alone: a local or hostPath PersistentVolume, or a directory of the node's own. What a pod
/// uses is marked by a link root-dir/pods/UID/volumes/kubernetes.io~local-volume/NAME to it; the data is nowhere below the pod.
/// </summary>
internal sealed class ClaimVolume(RuntimePaths paths, NodeFacts node)
{
    private const string Plugin = "kubernetes.io~local-volume";
    private const uint ParentMode = 0x1E8; // 0750

    // Whoever makes a volume of one of these shall not lose the labels of the system with it.
    private static readonly FrozenSet<string> s_ofTheSystem = FrozenSet.ToFrozenSet(
        ["", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/log"]);

    private readonly ClaimStore _store = new(paths);
    private readonly Lock _choosing = new();    // two claims at a time could choose one volume

    /// <summary>Where the volume's data is; it was set up.</summary>
    /// <exception cref="IOException">It was not.</exception>
    public string Path(V1Pod pod, V1Volume volume)
    {
        using DirectoryHandle parent = OpenParent(pod.Metadata.Uid);
        return parent.ReadLink(volume.Name).ToString();
    }

    /// <exception cref="VolumeContentException">Nothing serves the claim, or another pod has it alone.</exception>
    public void SetUp(V1Pod pod, V1Volume volume, NodeObjects objects)
    {
        ObjectKey key = ObjectKey.Claim(pod.Metadata.NamespaceProperty, volume.PersistentVolumeClaim.ClaimName);
        using DirectoryHandle parent = OpenParent(pod.Metadata.Uid);
        // Data that is mounted stays mounted, whatever becomes of the claim's definition.
        if (parent.TryStatus(volume.Name) is { Kind: FileKind.SymbolicLink }) return;
        V1PersistentVolumeClaim claim = objects.Claim(key.Namespace, key.Name) ?? throw new VolumeContentException($"{key.Word} not found");
        // In a cluster others bind claims; a directory of this node in their place would lose the data that the pod looks for.
        if (StaticPodIdentity.IsFromApi(pod) && string.IsNullOrEmpty(claim.Spec.VolumeName)) throw new VolumeContentException($"{key.Word} is not bound to a volume yet");
        ClaimChoice choice = Choose(key, claim, objects);
        string place = choice.Volume switch
        {
            null => _store.MakeDirectory(key),
            { Spec.Local: { } local } => local.Path,
            { Spec.HostPath: { } host } => HostPath(host),
            _ => throw new VolumeContentException($"{key.Word}: this kind of volume is not mounted by this version"),
        };
        Check(claim, choice, place);
        if (claim.Spec.AccessModes.Contains("ReadWriteOncePod") && Other(pod.Metadata.Uid, place) is { } other)
            throw new VolumeContentException($"{key.Word} is ReadWriteOncePod and in use by the pod {other}");
        if (VolumeUse.Group(pod) is { } group && claim.Spec.VolumeMode != "Block" && choice.Volume?.Spec.HostPath is null) Own(pod, place, group);
        // Last: from now on it is set up.
        parent.MakeSymbolicLink(place, volume.Name);
    }

    /// <summary>Whether its files are pods' alone: those of a hostPath are the host's too, and those of a volume that is gone nobody knows.</summary>
    public bool TakesLabel(V1Pod pod, V1Volume volume, NodeObjects objects) => _store.Kept(ObjectKey.Claim(pod.Metadata.NamespaceProperty, volume.PersistentVolumeClaim.ClaimName)) switch
    {
        null => false,
        "" => true,
        var name => objects.Volume(name) is { Spec.HostPath: null } bound && !s_ofTheSystem.Contains(bound.Spec.Local?.Path.TrimEnd('/') ?? ""),
    };

    private ClaimChoice Choose(ObjectKey key, V1PersistentVolumeClaim claim, NodeObjects objects)
    {
        lock (_choosing)
        {
            string? kept = _store.Kept(key);
            IEnumerable<ObjectKey> others = objects.Claims.Select(c => ObjectKey.Claim(c.Metadata.NamespaceProperty, c.Metadata.Name)).Where(k => k != key);
            ClaimChoice choice = ClaimBinding.Choose(claim, objects, kept, _store.Taken(others), node);
            if (kept is null && choice.Volume is { } chosen) _store.Keep(key, chosen.Metadata.Name);
            return choice;
        }
    }

    private static string HostPath(V1HostPathVolumeSource host)
    {
        HostPathVolume.SetUp(host);
        return host.Path;
    }

    private static void Check(V1PersistentVolumeClaim claim, ClaimChoice choice, string place)
    {
        using DirectoryHandle root = DirectoryHandle.Open("/");
        FileKind kind;
        try
        {
            using FileDescriptor found = root.OpenInside(place, OpenFlags.PathOnly, PathBorder.ActAsRoot);
            kind = DirectoryHandle.StatusOf(found, place).Kind;
        }
        catch (ErrnoException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            throw new VolumeContentException($"path \"{place}\" of the volume \"{choice.Volume?.Metadata.Name}\" does not exist; create it");
        }
        if (claim.Spec.VolumeMode == "Block" && kind != FileKind.BlockDevice) throw new VolumeContentException($"path \"{place}\" is no block device, as volumeMode Block needs");
        if (claim.Spec.VolumeMode != "Block" && kind == FileKind.BlockDevice)
            throw new VolumeContentException($"path \"{place}\" is a block device: this version makes and mounts no file system on it; mount it on a directory, and name that, or set volumeMode to Block");
    }

    private static void Own(V1Pod pod, string place, uint group)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(place);
        bool trusting = pod.Spec.SecurityContext.FsGroupChangePolicy == "OnRootMismatch";
        if (!trusting || !VolumeOwnership.RootMatches(directory, group, readOnly: false)) VolumeOwnership.Apply(directory, group, readOnly: false, CancellationToken.None);
    }

    /// <summary>Another pod that has this very place mounted.</summary>
    private string? Other(string podUid, string place)
    {
        foreach (string uid in PodDirectory.All(paths).Where(uid => uid != podUid))
        {
            string links = System.IO.Path.Combine(paths.PodDirectory(uid), "volumes", Plugin);
            if (Directory.Exists(links) && Directory.EnumerateFileSystemEntries(links).Any(l => new FileInfo(l).LinkTarget == place)) return uid;
        }
        return null;
    }

    private DirectoryHandle OpenParent(string podUid)
    {
        using DirectoryHandle pod = DirectoryHandle.Open(paths.PodDirectory(podUid));
        using DirectoryHandle volumes = pod.OpenDirectory("volumes");
        volumes.TryMakeDirectory(Plugin, ParentMode);
        return volumes.OpenDirectory(Plugin);
    }
}
