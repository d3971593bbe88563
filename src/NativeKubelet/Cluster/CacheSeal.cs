using System.Security.Cryptography;
using System.Text;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Cluster;

/// <summary>
/// Encrypts files of the boot cache with a key of the machine's owner (AES-256-GCM). Each is bound to its name, so that one cannot be
/// put in another's place. Sealed: head, nonce, content, tag.
/// </summary>
internal sealed class CacheSeal
{
    private const int KeyBytes = 32, NonceBytes = 12, TagBytes = 16, MostKeyFile = 4096;
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private readonly byte[] _key;

    private CacheSeal(byte[] key) => _key = key;

    private static ReadOnlySpan<byte> Head => "NKSEAL1\n"u8;

    /// <param name="path">32 bytes, or their base64, in a plain file that its owner alone can read.</param>
    /// <exception cref="IOException">It is no such file.</exception>
    public static CacheSeal Read(string path)
    {
        string fault = $"the key of the boot cache, {path}, ";
        if (RegularFile.TryRead(path, MostKeyFile, out byte[] content) is not RegularFileResult.Read and var result) throw new IOException(fault + (result == RegularFileResult.Missing ? "is missing" : "is no plain file of a few bytes"));
        if ((File.GetUnixFileMode(path) & Others) != 0) throw new IOException(fault + "can be read or written by others than its owner; chmod 600");
        if (content.Length == KeyBytes) return new(content);
        Span<byte> key = stackalloc byte[KeyBytes + 1];
        return Convert.TryFromBase64String(Encoding.ASCII.GetString(content).Trim(), key, out int length) && length == KeyBytes
            ? new(key[..KeyBytes].ToArray()) : throw new IOException(fault + "holds neither 32 bytes nor their base64");
    }

    public static bool IsSealed(ReadOnlySpan<byte> file) => file.StartsWith(Head);

    public byte[] Close(string name, ReadOnlySpan<byte> content)
    {
        byte[] file = new byte[Head.Length + NonceBytes + content.Length + TagBytes];
        Head.CopyTo(file);
        Span<byte> nonce = file.AsSpan(Head.Length, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using AesGcm cipher = new(_key, TagBytes);
        cipher.Encrypt(nonce, content, file.AsSpan(Head.Length + NonceBytes, content.Length), file.AsSpan(file.Length - TagBytes), Encoding.UTF8.GetBytes(name));
        return file;
    }

    /// <exception cref="CryptographicException">Another key or another name sealed it, it was changed, or it is not sealed.</exception>
    public byte[] Open(string name, ReadOnlySpan<byte> file)
    {
        int length = file.Length - Head.Length - NonceBytes - TagBytes;
        if (length < 0 || !IsSealed(file)) throw new CryptographicException("not sealed");
        byte[] content = new byte[length];
        using AesGcm cipher = new(_key, TagBytes);
        cipher.Decrypt(file.Slice(Head.Length, NonceBytes), file.Slice(Head.Length + NonceBytes, length), file[^TagBytes..], content, Encoding.UTF8.GetBytes(name));
        return content;
    }
}
