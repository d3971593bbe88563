using System.Collections.Immutable;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Linux.Mounts;

/// <summary>What an overlay file system is made of (Documentation/filesystems/overlayfs.rst).</summary>
/// <param name="Lowers">Read-only directories, topmost first; one at least, at most 500.</param>
/// <param name="Upper">Takes the writes; null: nothing does, and two lower directories at least are needed; on one file system with <paramref name="Work"/>, which is empty.</param>
/// <param name="Volatile">
/// Nothing is synced, not even when a program asks for it: for writable layers that are thrown away anyway. Such a layer
/// cannot be mounted a second time after a crash.
/// </param>
public sealed record OverlayLayers(ImmutableArray<string> Lowers, string? Upper, string? Work, bool Volatile)
{
    /// <summary>The SELinux context that all files show, whatever the layers' are; null: the layers' own.</summary>
    public string? Context { get; init; }
}

public static class OverlayMount
{
    private const int LongestParameter = 255, PageOfOptions = 4095;

    /// <summary>Mounts; options that only save work (index, metacopy, volatile) are left out where the kernel does not know them.</summary>
    /// <exception cref="ErrnoException">EINVAL and others: these directories cannot carry an overlay (an overlay itself, NFS ...).</exception>
    public static void Mount(OverlayLayers layers, string target)
    {
        ErrnoException? first = null;
        using (FileSystemContext? context = FileSystemContext.TryOpen("overlay"))
            if (context is not null && TryConfigure(context, layers))
                try
                {
                    using DetachedMount mount = context.Mount();
                    mount.Attach(target);
                    return;
                }
                catch (ErrnoException e) when (e.Errno == Errno.EINVAL)
                {
                    // Before Linux 6.5 fsconfig takes every option unread, and only now says that it does not know lowerdir+.
                    first = e;
                }
        try
        {
            MountByString(layers, target);
        }
        catch (ErrnoException e) when (first is not null && e.Errno == Errno.EINVAL)
        {
            throw first;        // it was not the option, and the newer call has the kernel's words
        }
    }

    // lowerdir+ came with Linux 6.7; before it, fsconfig takes no more than 255 bytes for all lower directories together.
    private static bool TryConfigure(FileSystemContext context, OverlayLayers layers)
    {
        if (layers.Lowers.Append(layers.Upper ?? "").Append(layers.Work ?? "").Append(layers.Context ?? "").Any(TooLong)) return false;
        foreach (string lower in layers.Lowers)
            if (!context.TrySet("lowerdir+", lower)) return false;
        if (layers.Upper is not null) context.Set("upperdir", layers.Upper);
        if (layers.Work is not null) context.Set("workdir", layers.Work);
        if (layers.Context is not null) context.Set("context", layers.Context);
        context.TrySet("source", "overlay");
        context.TrySet("index", "off");
        context.TrySet("metacopy", "off");
        if (layers.Volatile) context.TrySet("volatile");
        return true;
    }

    private static bool TooLong(string value) => System.Text.Encoding.UTF8.GetByteCount(value) > LongestParameter;

    /// <summary>
    /// mount(2) takes one page of options, too little for long paths of many layers. Held open, each directory has a short
    /// name in /proc for the moment of the call, free of colons and commas too.
    /// </summary>
    internal static void MountByString(OverlayLayers layers, string target)
    {
        List<DirectoryHandle> open = [];
        try
        {
            string Short(string path)
            {
                DirectoryHandle directory = DirectoryHandle.Open(path);
                open.Add(directory);
                return directory.Descriptor.ProcPath;
            }

            string options = $"lowerdir={string.Join(':', layers.Lowers.Select(Short))}";
            if (layers.Upper is not null) options += $",upperdir={Short(layers.Upper)}";
            if (layers.Work is not null) options += $",workdir={Short(layers.Work)}";
            // A level has commas, which otherwise end an option.
            if (layers.Context is not null) options += $",context=\"{layers.Context}\"";
            if (options.Length > PageOfOptions) throw new ErrnoException("mount overlay", $"{target} with {layers.Lowers.Length} layers", Errno.EINVAL);
            // Unknown options fail the whole call here, so the dear ones are given up from the youngest on.
            string[] wishes = [.. layers.Volatile ? (string[])[",index=off,metacopy=off,volatile"] : [], ",index=off,metacopy=off", ",index=off", ""];
            for (int i = 0; ; i++)
            {
                if (MountCalls.Mount("overlay", target, "overlay", 0, options + wishes[i]) == 0) return;
                ErrnoException failure = ErrnoException.Last("mount overlay", target);
                if (failure.Errno != Errno.EINVAL || i == wishes.Length - 1) throw failure;
            }
        }
        finally
        {
            open.ForEach(d => d.Dispose());
        }
    }
}
