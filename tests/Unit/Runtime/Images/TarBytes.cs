using System.Text;

namespace NativeKubelet.Tests.Unit.Runtime.Images;

/// <summary>Writes archives byte by byte, so that they can be wrong in every way.</summary>
public sealed class TarBytes
{
    private readonly List<byte> _bytes = [];

    public static byte[] Header(string name, char type, long size = 0, string link = "", string magic = "ustar\000", Action<byte[]>? change = null, bool fixSum = true)
    {
        byte[] block = new byte[512];
        void Put(int at, string text) => Encoding.Latin1.GetBytes(text).CopyTo(block, at);
        Put(0, name);
        Put(100, "0000644\0");
        Put(108, "0000000\0");
        Put(116, "0000000\0");
        Put(124, Convert.ToString(size, 8).PadLeft(11, '0') + "\0");
        Put(136, "00000000001\0");
        block[156] = (byte)type;
        Put(157, link);
        Put(257, magic);
        change?.Invoke(block);
        if (!fixSum) return block;
        Put(148, "        ");
        Put(148, Convert.ToString(block.Sum(b => b), 8).PadLeft(6, '0') + "\0 ");
        return block;
    }

    public TarBytes Add(string name, char type = '0', string content = "", string link = "", string magic = "ustar\000", Action<byte[]>? change = null)
    {
        byte[] data = Encoding.Latin1.GetBytes(content);
        _bytes.AddRange(Header(name, type, data.Length, link, magic, change));
        return Raw(data).Pad();
    }

    public TarBytes Raw(params byte[] data)
    {
        _bytes.AddRange(data);
        return this;
    }

    public TarBytes Pax(params string[] records) => Add("pax", 'x', string.Concat(records.Select(Record)));

    public TarBytes GlobalPax(params string[] records) => Add("pax", 'g', string.Concat(records.Select(Record)));

    public TarBytes Pad()
    {
        while (_bytes.Count % 512 != 0) _bytes.Add(0);
        return this;
    }

    public byte[] End() => [.. _bytes, .. new byte[1024]];

    public byte[] WithoutEnd() => [.. _bytes];

    private static string Record(string keyValue)
    {
        int length = keyValue.Length + 3;
        while ($"{length} {keyValue}\n".Length != length) length++;
        return $"{length} {keyValue}\n";
    }
}
