using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Linux.SELinux;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;
using NativeKubelet.Runtime.Images.Store;

namespace NativeKubelet.Runtime.Images;

public sealed partial class ImageStore
{
    private const string Upper = "upper", Work = "work", Copied = "rootfs", Shown = "layers";
    private int _overlayWarned;

    /// <summary>Where a container's own changes lie below its directory; without an overlay, all of its files.</summary>
    internal static string WritableLayer(string writableDirectory) =>
        OwnChanges(writableDirectory) is var upper && Directory.Exists(upper) ? upper : Path.Combine(writableDirectory, Copied);

    /// <summary>Where they lie alone, as a container is not to blame for the size of its image; not there without an overlay.</summary>
    internal static string OwnChanges(string writableDirectory) => Path.Combine(writableDirectory, Upper);

    public async Task MountRootFileSystemAsync(ImageRecord image, string writableDirectory, string target, MappedUsers? users, string? label, CancellationToken cancel)
    {
        List<StoredLayer> stack = await LeaseAsync(image, writableDirectory, cancel);
        Directory.CreateDirectory(target);
        bool mounted = TryMountOverlay(stack, writableDirectory, target, users, label);
        if (!mounted && users is not null) throw NoOtherOwners(writableDirectory);
        if (!mounted)
            await Task.Factory.StartNew(() => MountCopy(stack, writableDirectory, target, label, cancel), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public async Task MountReadOnlyAsync(ImageRecord image, string leaseDirectory, string target, FileDescriptor? users, string? label, CancellationToken cancel)
    {
        List<StoredLayer> stack = await LeaseAsync(image, leaseDirectory, cancel);
        bool mounted = TryMountReadOnly(stack, leaseDirectory, target, users, label);
        if (!mounted && users is not null) throw NoOtherOwners(_paths.Root);
        if (!mounted)
            await Task.Factory.StartNew(() => MountCopy(stack, leaseDirectory, target, label, cancel), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private static IOException NoOtherOwners(string directory) => new(
        $"can't set `spec.hostUsers: false`: no overlay with other owners can be made of {directory}; that needs Linux 5.19 and a file system such as ext4, xfs or btrfs");

    private async Task<List<StoredLayer>> LeaseAsync(ImageRecord image, string directory, CancellationToken cancel)
    {
        ContentDigest[] chain = ContentDigest.Chain([.. image.Layers.Select(ContentDigest.Parse)]);
        await _gate.WaitAsync(cancel);
        try
        {
            // The lease is taken where removals take turns: an image removed a moment later leaves these layers.
            List<StoredLayer> stack = _layers.Stack(chain);
            Directory.CreateDirectory(directory);
            _leases.Take(directory, chain.Select(c => c.Text));
            return stack;
        }
        catch (DirectoryNotFoundException e)
        {
            throw new ImageException("ImageInspectError", $"image {image.Id}: {e.Message}; pull it again", e);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async Task UnmountRootFileSystemAsync(string writableDirectory, string target, CancellationToken cancel)
    {
        MountPoint.Detach(target);
        MappedOverlay.Unstage(Path.Combine(writableDirectory, Shown));
        foreach (string directory in (string[])[Upper, Work, Copied]) DirectoryHandle.DeleteTree(Path.Combine(writableDirectory, directory));
        await _gate.WaitAsync(cancel);
        try
        {
            RemoveUnused(_leases.Release(writableDirectory));
        }
        finally
        {
            _gate.Release();
        }
        await _layers.PurgeAsync();
    }

    private bool TryMountOverlay(List<StoredLayer> stack, string writableDirectory, string target, MappedUsers? users, string? label)
    {
        if (stack.Any(l => !l.Removals().IsEmpty))
        {
            WarnOnce("the file system of the data directory keeps no whiteouts");
            return false;
        }
        string upper = Path.Combine(writableDirectory, Upper), work = Path.Combine(writableDirectory, Work);
        DirectoryHandle.DeleteTree(work);
        Directory.CreateDirectory(work);
        Directory.CreateDirectory(upper);
        // The merged root is the upper directory as to owner and mode; it must look as the image's.
        using (DirectoryHandle upperHandle = DirectoryHandle.Open(upper))
            if (stack.Count == 0) upperHandle.SetMode(".", 0x1ED);
            else
            {
                using DirectoryHandle top = DirectoryHandle.Open(DiffOf(stack[0]));
                FileCopy.CopyAttributes(top, ".", top.Status(), upperHandle, ".");
            }
        try
        {
            // An image without layers still needs something below.
            List<string> lowers = [.. stack.Select(DiffOf)];
            if (lowers.Count == 0) lowers.Add(Directory.CreateDirectory(Path.Combine(_paths.Root, "empty")).FullName);
            // Volatile: this layer ends with its container and is never mounted twice, so neither a container's fsync nor
            // the unmount has to wait for, and wear, the disk.
            OverlayLayers layers = new([.. lowers], upper, work, Volatile: true) { Context = label };
            if (users is null) OverlayMount.Mount(layers, target);
            else MappedOverlay.Mount(layers, users, Path.Combine(writableDirectory, Shown), target);
            return true;
        }
        catch (ErrnoException e) when (e.Errno is Errno.EINVAL or Errno.ENODEV or Errno.EOPNOTSUPP or Errno.EPERM)
        {
            WarnOnce(e.Message);
            return false;
        }
    }

    private bool TryMountReadOnly(List<StoredLayer> stack, string leaseDirectory, string target, FileDescriptor? users, string? label)
    {
        if (stack.Any(l => !l.Removals().IsEmpty)) return false;
        List<string> lowers = [.. stack.Select(DiffOf)];
        // Without an upper directory an overlay needs two lower ones.
        while (lowers.Count < 2) lowers.Add(Directory.CreateDirectory(Path.Combine(_paths.Root, $"empty{lowers.Count}")).FullName);
        try
        {
            OverlayLayers layers = new([.. lowers], null, null, Volatile: false) { Context = label };
            if (users is null) OverlayMount.Mount(layers, target);
            else MappedOverlay.Mount(layers, users, Path.Combine(leaseDirectory, Shown), target);
            return true;
        }
        catch (ErrnoException e) when (e.Errno is Errno.EINVAL or Errno.ENODEV or Errno.EOPNOTSUPP or Errno.EPERM)
        {
            WarnOnce(e.Message);
            return false;
        }
    }

    private string DiffOf(StoredLayer layer) => _layers.DiffOf(ContentDigest.Parse(layer.ChainId));

    /// <summary>The tree is copied to where the container's writes are counted, and shown at the target.</summary>
    private void MountCopy(List<StoredLayer> stack, string writableDirectory, string target, string? label, CancellationToken cancel)
    {
        string root = Path.Combine(writableDirectory, Copied);
        DirectoryHandle.DeleteTree(root);
        Directory.CreateDirectory(root);
        try
        {
            using DirectoryHandle handle = DirectoryHandle.Open(root);
            for (int i = stack.Count - 1; i >= 0; i--)
            {
                using LowerLayer layer = new(DirectoryHandle.Open(DiffOf(stack[i])), stack[i].Removals());
                TreeCopy.Apply(layer, handle, cancel);
            }
            if (label is not null) FileLabels.Set(handle, label, cancel);
            MountPoint.Bind(root, target, recursive: false, readOnly: false);
        }
        catch
        {
            DirectoryHandle.DeleteTree(root);
            throw;
        }
    }

    private void WarnOnce(string reason)
    {
        if (Interlocked.Exchange(ref _overlayWarned, 1) == 0) _log.OverlayUnavailable(reason);
    }
}
