using System.Net;
using System.Text;
using NativeKubelet.Core.Network;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Runtime.Network;

/// <summary>
/// Which sandbox has which address, one file per address as the host-local plugin keeps them, so that the field's tools
/// understand the directory. Nothing is synced: leases are of one boot. Callers take turns.
/// </summary>
internal sealed class AddressLeases
{
    private const string BootFile = "boot_id", LastPrefix = "last_reserved_ip.";
    private const int MaxBytes = 4096;

    private readonly string _directory;
    private readonly Dictionary<IPAddress, string> _owners = [];

    /// <summary>Reads what is there; leases of another boot are dropped, their pods are gone.</summary>
    public AddressLeases(string directory, string bootId)
    {
        _directory = directory;
        Directory.CreateDirectory(directory);
        AtomicFile.RemoveLeftovers(directory);
        if (Read(BootFile) != bootId)
        {
            foreach (string path in Directory.EnumerateFiles(directory)) if (IsLease(path, out _)) File.Delete(path);
            AtomicFile.Write(Path.Combine(directory, BootFile), Encoding.ASCII.GetBytes(bootId), durable: false);
        }
        foreach (string path in Directory.EnumerateFiles(directory))
            if (IsLease(path, out IPAddress? address) && Read(Path.GetFileName(path)) is { } text) _owners[address!] = text.Split('\n', 2)[0].Trim();
    }

    /// <returns>A free address of the subnet, now the sandbox'.</returns>
    /// <exception cref="RuntimeException">All are taken.</exception>
    public IPAddress Take(Subnet subnet, string sandboxId)
    {
        string lastFile = LastPrefix + (subnet.Family == System.Net.Sockets.AddressFamily.InterNetwork ? "0" : "1");
        IPAddress? last = IPAddress.TryParse(Read(lastFile), out IPAddress? parsed) ? parsed : null;
        IPAddress address = subnet.NextFree(last, _owners.Keys.ToHashSet())
            ?? throw new RuntimeException("FailedCreatePodSandBox", $"no address left in pod subnet {subnet}: {_owners.Count} are in use; give the node a larger one with --pod-subnet");
        Hold(address, sandboxId);
        AtomicFile.Write(Path.Combine(_directory, lastFile), Encoding.ASCII.GetBytes(address.ToString()), durable: false);
        return address;
    }

    /// <summary>Writes down what is known to be so.</summary>
    public void Hold(IPAddress address, string sandboxId)
    {
        if (_owners.GetValueOrDefault(address) == sandboxId) return;
        AtomicFile.Write(Path.Combine(_directory, address.ToString()), Encoding.ASCII.GetBytes($"{sandboxId}\r\n{BridgeNetwork.PodInterface}"), durable: false);
        _owners[address] = sandboxId;
    }

    /// <summary>Gives back all addresses of sandboxes that are not to be kept.</summary>
    public void Release(Func<string, bool> gone)
    {
        foreach ((IPAddress address, string owner) in _owners.Where(l => gone(l.Value)).ToList())
        {
            File.Delete(Path.Combine(_directory, address.ToString()));
            _owners.Remove(address);
        }
    }

    public bool AnyIn(Subnet subnet) => _owners.Keys.Any(subnet.Contains);

    private static bool IsLease(string path, out IPAddress? address) => IPAddress.TryParse(Path.GetFileName(path), out address);

    private string? Read(string name)
    {
        try
        {
            return RegularFile.TryRead(Path.Combine(_directory, name), MaxBytes, out byte[] content) == RegularFileResult.Read
                ? Encoding.ASCII.GetString(content).Trim('\n', ' ') : null;
        }
        catch (ErrnoException)
        {
            return null;        // an unreadable lease is one whose owner nobody knows
        }
    }
}
