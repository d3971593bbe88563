using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace NativeKubelet.Runtime.Images.Content;

/// <summary>"algorithm:hex", checked (OCI image-spec, descriptor.md): sha256, sha384 or sha512 in lower case.</summary>
public readonly record struct ContentDigest
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    private ContentDigest(HashAlgorithmName algorithm, string text)
    {
        Algorithm = algorithm;
        Text = text;
    }

    public HashAlgorithmName Algorithm { get; }

    public string Text { get; }

    public string Hex => Text[(Text.IndexOf(':') + 1)..];

    /// <summary>As a file name: the colon is none that every tool likes.</summary>
    public string FileName => Text.Replace(':', '-');

    /// <exception cref="Layers.ImageFormatException">Another algorithm, or not that many digits.</exception>
    public static ContentDigest Parse(string? text) => TryParse(text) ?? throw new Layers.ImageFormatException($"'{text}' is no digest");

    public static ContentDigest? TryParse(string? text)
    {
        int colon = text?.IndexOf(':') ?? -1;
        if (colon < 0) return null;
        (HashAlgorithmName algorithm, int digits) = text![..colon] switch
        {
            "sha256" => (HashAlgorithmName.SHA256, 64),
            "sha384" => (HashAlgorithmName.SHA384, 96),
            "sha512" => (HashAlgorithmName.SHA512, 128),
            _ => (default, -1),
        };
        return text.Length - colon - 1 == digits && text.AsSpan(colon + 1).IndexOfAnyExcept(HexDigits) < 0 ? new(algorithm, text) : null;
    }

    public static ContentDigest Of(ReadOnlySpan<byte> content) => Sha256(Convert.ToHexStringLower(SHA256.HashData(content)));

    public static ContentDigest Sha256(string hex) => new(HashAlgorithmName.SHA256, "sha256:" + hex);

    public bool Matches(ReadOnlySpan<byte> content) =>
        Convert.ToHexStringLower(CryptographicOperations.HashData(Algorithm, content)) == Hex;

    /// <summary>Names a stack of layers (OCI image-spec, config.md, "Layer ChainID"), one for each layer, base first.</summary>
    public static ContentDigest[] Chain(IReadOnlyList<ContentDigest> diffIds)
    {
        ContentDigest[] chain = new ContentDigest[diffIds.Count];
        for (int i = 0; i < chain.Length; i++)
            chain[i] = i == 0 ? diffIds[0] : Of(Encoding.ASCII.GetBytes($"{chain[i - 1].Text} {diffIds[i].Text}"));
        return chain;
    }

    public override string ToString() => Text;
}
