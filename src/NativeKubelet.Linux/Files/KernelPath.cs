using System.Text;

namespace NativeKubelet.Linux.Files;

/// <summary>
/// A path or name as the kernel sees it: bytes, whatever their encoding, with the terminating NUL. Names in image layers need
/// not be UTF-8; going through strings would fold different files into one.
/// </summary>
public readonly struct KernelPath : IEquatable<KernelPath>
{
    private readonly byte[]? _bytes;

    /// <exception cref="ArgumentException">A NUL inside: the kernel would see a shorter path than was checked.</exception>
    public KernelPath(ReadOnlySpan<byte> path)
    {
        if (path.Contains((byte)0)) throw new ArgumentException("a path holds a NUL byte");
        _bytes = new byte[path.Length + 1];
        path.CopyTo(_bytes);
    }

    public ReadOnlySpan<byte> Bytes => _bytes is null ? [] : _bytes.AsSpan(0, _bytes.Length - 1);

    internal ReadOnlySpan<byte> Terminated => _bytes ?? "\0"u8;

    public static implicit operator KernelPath(string path) => FromString(path);

    public static KernelPath FromString(string path) => new(Encoding.UTF8.GetBytes(path));

    public static bool operator ==(KernelPath left, KernelPath right) => left.Equals(right);

    public static bool operator !=(KernelPath left, KernelPath right) => !left.Equals(right);

    public bool Equals(KernelPath other) => Bytes.SequenceEqual(other.Bytes);

    public override bool Equals(object? obj) => obj is KernelPath other && Equals(other);

    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>For messages only: what is not UTF-8 is shown as U+FFFD.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Bytes);
}
