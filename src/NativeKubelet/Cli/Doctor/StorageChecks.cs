using NativeKubelet.Linux.Files;

namespace NativeKubelet.Cli.Doctor;

/// <summary>The file systems under the directories that a node writes to.</summary>
public static class StorageChecks
{
    private const long Least = 100L << 20, Comfortable = 1L << 30;
    private const int LeastPercent = 10;

    /// <param name="programsInFiles">The holder is run from a file in the data directory.</param>
    public static IEnumerable<Finding> Of(StorageSight sight, bool programsInFiles)
    {
        string subject = sight.Purpose;
        if (sight.Space is not { } space)
        {
            yield return Finding.Fail(subject, $"{sight.Path}: {sight.Fault}", "nothing can be kept there", "make the directory, or name another");
            yield break;
        }
        if (space.ReadOnly) yield return Finding.Fail(subject, $"{sight.Path} is read-only", "nothing can be kept there", "mount it writable, or name another directory");
        if (Unfit(subject, sight.Path, space) is { } unfit) yield return unfit;
        if (space.NoExec && Restricted(subject, sight.Path, programsInFiles) is { } restricted) yield return restricted;
        yield return Room(subject, sight.Path, space);
    }

    /// <summary>Writable layers are the upper layers of overlays, which not every file system can be.</summary>
    private static Finding? Unfit(string subject, string path, FileSystemSpace space) => subject != Data ? null : space.Magic switch
    {
        FileSystemSpace.Overlay => Finding.Fail(subject, $"{path} is on an overlay", "an overlay cannot hold the writable layers of containers", "mount a volume there (in a container: -v), or name another directory by --data-dir"),
        FileSystemSpace.Nfs => Finding.Fail(subject, $"{path} is on NFS", "it cannot hold the writable layers of containers", "name a local directory by --data-dir"),
        FileSystemSpace.Tmpfs => Finding.Warn(subject, $"{path} is in memory", "images are lost at a reboot and use up memory", "name a directory on disk by --data-dir unless that is meant"),
        _ => null,
    };

    /// <summary>Programs of images run all the same: the overlay is a mount of its own. What is bound into containers is not.</summary>
    private static Finding? Restricted(string subject, string path, bool programsInFiles) => subject switch
    {
        Volumes => Finding.Warn(subject, $"{path} is mounted noexec", "programs in emptyDir volumes cannot be run", "mount it without noexec, or name another directory by --root-dir"),
        Data when programsInFiles => Finding.Fail(subject, $"{path} is mounted noexec, and vm.memfd_noexec is 2", "pods' holders can be run neither from memory nor from a file", "lift one of the two"),
        _ => null,
    };

    private static Finding Room(string subject, string path, FileSystemSpace space)
    {
        string room = $"{path}: {Units.Bytes(space.AvailableBytes)} of {Units.Bytes(space.TotalBytes)} free";
        if (space.AvailableBytes < Least) return Finding.Fail(subject, room, "images and logs will not fit", "make room, or name another directory");
        if (space.TotalInodes > 0 && space.FreeInodes * 20 < space.TotalInodes)
            return Finding.Warn(subject, $"{path}: {space.FreeInodes} of {space.TotalInodes} inodes free", "images are many small files", "remove files, or make the file system with more inodes");
        bool scarce = space.AvailableBytes < Comfortable || space.AvailableBytes < space.TotalBytes / 100 * LeastPercent;
        // RUN is a small tmpfs by nature and holds but records.
        return scarce && subject != State ? Finding.Warn(subject, room, "pulls may fail, and images are collected", "make room, or name another directory") : Finding.Ok(subject, room);
    }

    public const string Data = "data", Volumes = "volumes", Logs = "logs", State = "state of this boot";
}
