using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>
/// The directories in which an operator says how registries are reached: one per registry, "host:port" or "host_port_",
/// else "_default", with a hosts.toml, or with certificates alone (*.crt; *.cert with its *.key). Read anew at each pull.
/// </summary>
internal sealed class HostsDirectory(ImmutableArray<string> directories, ILogger log)
{
    private const long LargestFile = 1 << 20;
    private readonly HashSet<string> _told = [];

    /// <returns>At least one, in the order in which they are tried.</returns>
    /// <exception cref="ImageException">ErrImagePull: what is configured cannot be read.</exception>
    public ImmutableArray<RegistryHost> Find(string domain)
    {
        string[] own = domain.LastIndexOf(':') is >= 0 and int colon && !domain.EndsWith(']')
            ? [$"{domain[..colon]}_{domain[(colon + 1)..]}_", domain]
            : [domain];
        foreach (string[] names in (string[][])[own, ["_default"]])
            foreach (string directory in directories.SelectMany(_ => names, Path.Combine))
                if (Read(directory, domain) is { } hosts) return hosts;
        return [RegistryHost.Of(domain)];
    }

    private ImmutableArray<RegistryHost>? Read(string directory, string domain)
    {
        string file = Path.Combine(directory, "hosts.toml");
        try
        {
            if (!Directory.Exists(directory)) return null;
            if (!File.Exists(file)) return Certificates(directory, domain);
            if (new FileInfo(file).Length > LargestFile) throw new IOException($"is larger than {LargestFile >> 20} MiB");
            HostsFile hosts = HostsFile.Parse(File.ReadAllText(file), directory, domain);
            foreach (string ignored in hosts.Ignored) TellOnce(file, ignored);
            return hosts.Hosts;
        }
        catch (TomlException e)
        {
            throw new ImageException("ErrImagePull", $"registry {domain}: {file} {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException("ErrImagePull", $"registry {domain}: {file} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>As Docker has them.</summary>
    private static ImmutableArray<RegistryHost>? Certificates(string directory, string domain)
    {
        string[] authorities = Directory.GetFiles(directory, "*.crt"), certificates = Directory.GetFiles(directory, "*.cert");
        if (authorities.Length + certificates.Length == 0) return null;
        Array.Sort(authorities, StringComparer.Ordinal);
        Array.Sort(certificates, StringComparer.Ordinal);
        RegistryHost host = RegistryHost.Of(domain);
        // Who lays down certificates for this machine's own registry wants them used.
        Uri root = new UriBuilder(host.Root) { Scheme = Uri.UriSchemeHttps, Port = host.Root.IsDefaultPort ? -1 : host.Root.Port }.Uri;
        return [host with { Root = root, Tls = HostTls.None with { Authorities = [.. authorities], Clients = [.. certificates.Select(c => new ClientCertificate(c, Path.ChangeExtension(c, ".key")))] } }];
    }

    private void TellOnce(string file, string ignored)
    {
        lock (_told)
            if (!_told.Add($"{file} {ignored}")) return;
        log.RegistryKeyIgnored(file, ignored);
    }
}
