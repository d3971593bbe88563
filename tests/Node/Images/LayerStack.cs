using System.Collections.Immutable;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Mounts;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Tests.Node.Images;

/// <summary>Layers unpacked upon one another in a directory of their own, and the overlay that the kernel makes of them.</summary>
public sealed class LayerStack : IDisposable
{
    private readonly List<(string Directory, UnpackedLayer Result)> _layers = [];
    private int _mounts;

    public LayerStack()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it makes owners, devices and mounts");
        Outside = Directory.CreateDirectory(Path.Combine(Root, "outside")).FullName;
        File.WriteAllText(Path.Combine(Outside, "secret"), "secret");
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("nk-test-").FullName;

    /// <summary>Beside the layers: what no layer may reach.</summary>
    public string Outside { get; }

    public LayerLimits Limits { get; set; } = LayerLimits.Default;

    public string DirectoryOf(Index layer) => _layers[layer].Directory;

    public UnpackedLayer Add(LayerBuilder layer) => Add(layer.Gzip());

    public UnpackedLayer Add(byte[] layer)
    {
        string directory = Directory.CreateDirectory(Path.Combine(Root, $"layer{_layers.Count}")).FullName;
        List<LowerLayer> lowers = [.. Stack().Select(l => new LowerLayer(DirectoryHandle.Open(l.Directory), l.Result.Removals))];
        try
        {
            using DirectoryHandle target = DirectoryHandle.Open(directory);
            UnpackedLayer result = LayerUnpacker.Unpack(new MemoryStream(layer), expected: null, target, lowers, Limits, CancellationToken.None);
            _layers.Add((directory, result));
            return result;
        }
        finally
        {
            lowers.ForEach(l => l.Dispose());
        }
    }

    public string Mount()
    {
        string Make(string name) => Directory.CreateDirectory(Path.Combine(Root, name + _mounts)).FullName;
        _mounts++;
        string target = Make("merged");
        OverlayMount.Mount(new([.. Stack().Select(l => l.Directory)], Make("upper"), Make("work"), Volatile: true), target);
        return target;
    }

    /// <summary>The same tree without the kernel's overlay.</summary>
    public string Copy()
    {
        string target = Directory.CreateDirectory(Path.Combine(Root, $"copied{_mounts++}")).FullName;
        using DirectoryHandle handle = DirectoryHandle.Open(target);
        foreach ((string directory, UnpackedLayer result) in Stack().Reverse())
        {
            using LowerLayer layer = new(DirectoryHandle.Open(directory), result.Removals);
            TreeCopy.Apply(layer, handle, CancellationToken.None);
        }
        return target;
    }

    public void Dispose()
    {
        foreach (MountInfo mount in MountInfo.Parse(File.ReadAllText("/proc/self/mountinfo")).Reverse())
            if (mount.MountPoint.StartsWith(Root, StringComparison.Ordinal)) MountPoint.Detach(mount.MountPoint);
        DirectoryHandle.DeleteTree(Root);
    }

    /// <summary>Topmost first, down to one that hides the rest.</summary>
    private ImmutableArray<(string Directory, UnpackedLayer Result)> Stack()
    {
        int bottom = _layers.FindLastIndex(l => l.Result.HidesLowers);
        return [.. _layers.Skip(Math.Max(0, bottom)).Reverse()];
    }
}
