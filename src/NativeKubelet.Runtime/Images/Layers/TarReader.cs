using System.Buffers;
using System.Collections.Immutable;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Images.Layers;

/// <summary>
/// Reads an archive front to back through one fixed window: v7, ustar, GNU (long names, sparse) and pax, as Docker, Go and
/// GNU tar write them. Memory does not grow with the archive. Nothing is trusted but bounded and checked.
/// </summary>
public sealed class TarReader(Stream stream, LayerLimits limits) : IDisposable
{
    private const int WindowSize = 64 * 1024, OldSparseInHeader = 4, OldSparseInBlock = 21;
    private readonly PaxRecords _global = new();
    private byte[] _window = ArrayPool<byte>.Shared.Rent(WindowSize);
    private int _start, _end, _headers;
    private long _data, _padding;
    private bool _finished;

    /// <summary>How many bytes of the archive lie before what is read next.</summary>
    public long Position { get; private set; }

    /// <summary>Goes to the next member; what was not read of the last one is skipped.</summary>
    /// <returns>Null at the end of the archive.</returns>
    /// <exception cref="ImageFormatException">Damaged, cut off, or beyond the limits.</exception>
    public TarEntry? Next()
    {
        PaxRecords pax = new();
        KernelPath? longPath = null, longLink = null;
        while (!_finished)
        {
            Skip(_data + _padding);
            _data = _padding = 0;
            if (Header() is not { } header) { _finished = true; break; }
            if (++_headers > limits.Entries) throw new ImageFormatException($"more than {limits.Entries} entries");
            if (header.Size < 0) throw new ImageFormatException("tar header: size is negative");
            switch (header.Type)
            {
                case 'x': pax.Add(Small(header.Size)); break;
                case 'g': _global.Add(Small(header.Size)); break;
                case 'L': longPath = Text(Small(header.Size)); break;
                case 'K': longLink = Text(Small(header.Size)); break;
                default: return Entry(header, pax, longPath, longLink);
            }
        }
        return null;
    }

    /// <summary>Gives the next stored bytes of the current member, valid until the next call.</summary>
    /// <returns>Empty at its end.</returns>
    public ReadOnlySpan<byte> Read()
    {
        if (_data == 0) return [];
        if (_start == _end && !Fill()) throw CutOff();
        int count = (int)Math.Min(_data, _end - _start);
        _data -= count;
        return Take(count);
    }

    /// <summary>Reads all that follows the archive's end, so that digests of the stream are of the whole stream.</summary>
    public void Drain()
    {
        do Take(_end - _start);
        while (Fill());
    }

    /// <summary>Gives the window back; the stream stays its owner's.</summary>
    public void Dispose()
    {
        byte[] window = _window;
        _window = [];
        if (window.Length > 0) ArrayPool<byte>.Shared.Return(window);
    }

    private TarEntry Entry(TarHeader header, PaxRecords pax, KernelPath? longPath, KernelPath? longLink)
    {
        KernelPath path = pax.Path("path") ?? longPath ?? _global.Path("path") ?? header.Path;
        KernelPath link = pax.Path("linkpath") ?? longLink ?? _global.Path("linkpath") ?? header.LinkPath;
        TarKind kind = KindOf(header, path);
        long stored = pax.Number("size") ?? _global.Number("size") ?? header.Size;
        // As Go's reader (and thus every image builder) has it: only files have data, whatever their header says of size.
        if (kind is not (TarKind.File or TarKind.Other)) stored = 0;
        CheckSize(stored);
        _data = stored;
        _padding = -stored & (TarHeader.BlockSize - 1);

        long size = stored;
        ImmutableArray<SparsePiece> sparse = default;
        if (kind == TarKind.File && SparsePieces(header, pax, ref size) is { } pieces)
        {
            CheckSize(size);
            sparse = SparseMap.Checked(pieces, size, _data);
            path = pax.Path("GNU.sparse.name") ?? path;
        }
        return new(path, link, kind, (uint)header.Mode & 0xFFF, Id(pax, "uid", header.Uid), Id(pax, "gid", header.Gid), size, _data,
            pax.Time("mtime") ?? _global.Time("mtime") ?? new(header.Modified, 0),
            Device(header.Major), Device(header.Minor), [.. _global.Attributes.Where(a => !pax.Has("SCHILY.xattr." + a.Key)), .. pax.Attributes], sparse);
    }

    private void CheckSize(long size)
    {
        if (size > limits.Bytes) throw new ImageFormatException($"an entry of {size} bytes; at most {limits.Bytes} are taken");
    }

    private static TarKind KindOf(TarHeader header, KernelPath path) => header.Type switch
    {
        // Before ustar a directory was a file whose name ends so.
        '0' when path.Bytes.EndsWith("/"u8) => TarKind.Directory,
        '0' or '7' or 'S' => TarKind.File,
        '1' => TarKind.HardLink,
        '2' => TarKind.SymbolicLink,
        '3' => TarKind.CharacterDevice,
        '4' => TarKind.BlockDevice,
        '5' => TarKind.Directory,
        '6' => TarKind.Fifo,
        _ => TarKind.Other,
    };

    private List<SparsePiece>? SparsePieces(TarHeader header, PaxRecords pax, ref long size)
    {
        if (header.Type == 'S') return OldSparse(ref size);
        if (pax.Number("GNU.sparse.major") is 1 && pax.Number("GNU.sparse.minor") is 0)
        {
            size = pax.Number("GNU.sparse.realsize") ?? throw new ImageFormatException("tar sparse map: no real size");
            long before = _data;
            List<SparsePiece> map = SparseMap.FromLines(Line);
            // The map's last block is filled up.
            int used = (int)((before - _data) % TarHeader.BlockSize);
            for (long rest = used == 0 ? 0 : TarHeader.BlockSize - used; rest > 0;) rest -= ReadAtMost(rest);
            return map;
        }
        if (pax.Bytes("GNU.sparse.map") is { } list) return Sized(SparseMap.FromList(list), pax, ref size);
        return pax.SparseNumbers.Count > 0 ? Sized(SparseMap.FromNumbers(pax.SparseNumbers), pax, ref size) : null;
    }

    private static List<SparsePiece> Sized(List<SparsePiece> map, PaxRecords pax, ref long size)
    {
        size = pax.Number("GNU.sparse.size") ?? throw new ImageFormatException("tar sparse map: no real size");
        return map;
    }

    private List<SparsePiece> OldSparse(ref long size)
    {
        // Take left the header block in the window, right before what is read next.
        ReadOnlySpan<byte> block = _window.AsSpan(_start - TarHeader.BlockSize, TarHeader.BlockSize);
        size = TarHeader.Number(block.Slice(483, 12), "real size");
        List<SparsePiece> map = [];
        bool more = SparseMap.AddOld(block.Slice(386, OldSparseInHeader * 24), map) && block[482] != 0;
        while (more)
        {
            block = Block();
            if (block.IsEmpty) throw CutOff();
            more = SparseMap.AddOld(block[..(OldSparseInBlock * 24)], map) && block[504] != 0;
        }
        // An empty last piece only tells the size.
        if (map is [.., { Length: 0 }]) map.RemoveAt(map.Count - 1);
        return map;
    }

    private TarHeader? Header()
    {
        ReadOnlySpan<byte> block = Block();
        return block.IsEmpty ? null : TarHeader.Parse(block);
    }

    /// <returns>Empty at the end of the stream.</returns>
    private ReadOnlySpan<byte> Block()
    {
        while (_end - _start < TarHeader.BlockSize)
        {
            if (Fill()) continue;
            // Archives without their final blocks of zeros are whole all the same.
            return _start == _end ? [] : throw CutOff();
        }
        return Take(TarHeader.BlockSize);
    }

    private byte[] Small(long size)
    {
        if (size > limits.HeaderBytes) throw new ImageFormatException($"tar extended header of {size} bytes; at most {limits.HeaderBytes} are taken");
        byte[] content = new byte[size];
        _data = size;
        _padding = -size & (TarHeader.BlockSize - 1);
        for (int done = 0; done < content.Length;)
        {
            ReadOnlySpan<byte> piece = Read();
            piece.CopyTo(content.AsSpan(done));
            done += piece.Length;
        }
        return content;
    }

    private static KernelPath Text(ReadOnlySpan<byte> content)
    {
        int end = content.IndexOf((byte)0);
        return new(end < 0 ? content : content[..end]);
    }

    private uint Id(PaxRecords pax, string key, long fromHeader)
    {
        long id = pax.Number(key) ?? _global.Number(key) ?? fromHeader;
        // The last number means "leave as it is" to the kernel.
        return id is >= 0 and < uint.MaxValue ? (uint)id : throw new ImageFormatException($"tar header: {key} {id} is out of range");
    }

    private static uint Device(long number) =>
        number is >= 0 and <= uint.MaxValue ? (uint)number : throw new ImageFormatException($"tar header: device number {number} is out of range");

    private long Line()
    {
        Span<byte> digits = stackalloc byte[20];
        for (int count = 0; ; count++)
        {
            if (_data == 0 || count == digits.Length) throw new ImageFormatException("tar sparse map: cut off");
            byte one = ReadByte();
            if (one == '\n') return PaxRecords.Decimal(digits[..count], "sparse map");
            digits[count] = one;
        }
    }

    private byte ReadByte()
    {
        if (_start == _end && !Fill()) throw CutOff();
        _data--;
        return Take(1)[0];
    }

    private long ReadAtMost(long count)
    {
        if (_data == 0) throw new ImageFormatException("tar sparse map: cut off");
        if (_start == _end && !Fill()) throw CutOff();
        int piece = (int)Math.Min(Math.Min(count, _data), _end - _start);
        _data -= piece;
        Take(piece);
        return piece;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        ReadOnlySpan<byte> taken = _window.AsSpan(_start, count);
        _start += count;
        Position += count;
        return taken;
    }

    private void Skip(long count)
    {
        int buffered = (int)Math.Min(count, _end - _start);
        Take(buffered);
        count -= buffered;
        if (count > 0 && stream.CanSeek)
        {
            if (stream.Length - stream.Position < count) throw CutOff();
            stream.Seek(count, SeekOrigin.Current);
            Position += count;
            return;
        }
        while (count > 0)
        {
            if (_start == _end && !Fill()) throw CutOff();
            int piece = (int)Math.Min(count, _end - _start);
            Take(piece);
            count -= piece;
        }
    }

    /// <summary>Moves what is left to the front and reads more behind it.</summary>
    private bool Fill()
    {
        int left = _end - _start;
        _window.AsSpan(_start, left).CopyTo(_window);
        _start = 0;
        _end = left;
        int count = stream.Read(_window, left, WindowSize - left);
        _end += count;
        return count > 0;
    }

    private static ImageFormatException CutOff() => new("the archive is cut off");
}
