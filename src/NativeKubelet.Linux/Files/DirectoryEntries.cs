using System.Runtime.InteropServices;

namespace NativeKubelet.Linux.Files;

/// <summary>The names in what getdents64(2) wrote, but "." and "..": struct linux_dirent64 one after another.</summary>
/// <param name="records">Whole ones.</param>
internal ref struct DirectoryEntries(ReadOnlySpan<byte> records)
{
    private const int HeadLength = 19, LengthOffset = 16;

    private ReadOnlySpan<byte> _rest = records;

    /// <summary>Ends with NUL.</summary>
    public ReadOnlySpan<byte> Current { get; private set; }

    public readonly DirectoryEntries GetEnumerator() => this;

    public bool MoveNext()
    {
        while (!_rest.IsEmpty)
        {
            int length = MemoryMarshal.Read<ushort>(_rest[LengthOffset..]);
            ReadOnlySpan<byte> name = _rest[HeadLength..length];
            _rest = _rest[length..];
            Current = name[..(name.IndexOf((byte)0) + 1)];
            if (!Current.SequenceEqual(".\0"u8) && !Current.SequenceEqual("..\0"u8)) return true;
        }
        return false;
    }
}
