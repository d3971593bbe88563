using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using NativeKubelet.Config;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Cluster.Certificates;

/// <summary>
/// The certificates of one purpose, as a kubelet keeps them: each with its key in a file named by time, and a link to the one in
/// use, which other programs of the node read too. Former ones stay.
/// </summary>
public sealed class CertificateFiles
{
    private const uint Secret = 0x180; // 0600

    private readonly string _directory, _prefix;

    private CertificateFiles(string directory, string prefix) => (_directory, _prefix) = (Path.GetFullPath(directory), prefix);

    private string CurrentName => $"{_prefix}-current.pem";

    private string UpdatedName => $"{_prefix}-updated.pem";

    /// <summary>With which the node calls the API server.</summary>
    public static CertificateFiles Client(string directory) => new(directory, "kubelet-client");

    /// <summary>Which the node's own server shows.</summary>
    public static CertificateFiles Serving(string directory) => new(directory, "kubelet-server");

    /// <summary>The link; what it leads to may change at any time.</summary>
    public string CurrentPath => Path.Combine(_directory, CurrentName);

    public bool Exists => File.Exists(CurrentPath);

    /// <summary>Ends a change of the link that was broken off.</summary>
    /// <exception cref="ConfigException">A file stands where the link should be: replacing it could lose somebody's key.</exception>
    public void Recover()
    {
        if (!Directory.Exists(_directory)) return;
        using DirectoryHandle handle = DirectoryHandle.Open(_directory);
        foreach (string name in (string[])[CurrentName, UpdatedName])
            if (handle.TryStatus(name) is { Kind: not FileKind.SymbolicLink })
                throw new ConfigException($"{Path.Combine(_directory, name)} must be a symbolic link to a certificate with its key; move the file away");
        if (handle.TryStatus(CurrentName) is null && handle.TryStatus(UpdatedName) is not null) handle.Rename(UpdatedName, handle, CurrentName);
    }

    /// <summary>Without the key: for its names and dates.</summary>
    /// <returns>Null when there is none that could be read.</returns>
    public X509Certificate2? Load()
    {
        try
        {
            return Exists ? X509Certificate2.CreateFromPem(File.ReadAllText(CurrentPath)) : null;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>From when this returns, it is the current one, also after a power cut.</summary>
    /// <param name="certificates">PEM, the node's own first.</param>
    /// <exception cref="IOException">It cannot be written; the former stays current.</exception>
    /// <exception cref="CryptographicException">Certificate and key do not belong together.</exception>
    public void Keep(string certificates, string key, DateTimeOffset now)
    {
        X509Certificate2.CreateFromPem(certificates, key).Dispose();
        Directory.CreateDirectory(_directory);
        using DirectoryHandle handle = DirectoryHandle.Open(_directory);
        string name = string.Create(CultureInfo.InvariantCulture, $"{_prefix}-{now.LocalDateTime:yyyy-MM-dd-HH-mm-ss}.pem");
        AtomicFile.Write(handle, name, Encoding.UTF8.GetBytes($"{certificates.TrimEnd()}\n{key.TrimEnd()}\n"), Secret);
        if (handle.TryStatus(UpdatedName) is not null) handle.Unlink(UpdatedName);
        handle.MakeSymbolicLink(Path.Combine(_directory, name), UpdatedName);
        handle.Rename(UpdatedName, handle, CurrentName);
        handle.Sync();
    }
}
