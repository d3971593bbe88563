using NativeKubelet.Linux.Files;

namespace NativeKubelet.Tests.Unit.Linux.Files;

/// <summary>An empty directory that goes with the test, whatever bytes its names are made of.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("nk-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => DirectoryHandle.DeleteTree(Path);
}
