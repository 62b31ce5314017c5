#include "textflag.h"

// func crlfBlocks(dst, src []byte) (n, used int)
//
// A block is 64 octets of src. It is copied as it is; then what follows its first LF is
// copied again, one octet further on, with CR LF in front of it, and so for its second.
// That is done whether there are such LFs or not: what is copied for one that is missing
// stands behind the block's end, where the next block overwrites it. So the lengths of
// lines, which nobody can foretell, are no branches. Third and later LFs are one each.
//
// SI and DI are where the block is read and written, R9 and R8 the last places where one
// may begin. AX has a bit for each LF of the block, and R12 is 1 behind a CR.
TEXT ·crlfBlocks(SB), NOSPLIT, $0-64
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), R8
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), R9
	MOVQ DI, R11
	MOVQ SI, R10
	LEAQ -256(DI)(R8*1), R8 // 64 LFs need 128 octets, and 66 more are written behind the last
	LEAQ -192(SI)(R9*1), R9 // 129 are read
	MOVL $0x0a0a0a0a, AX
	VMOVD AX, X8
	VPBROADCASTD X8, Y8
	MOVL $0x0d0d0d0d, AX
	VMOVD AX, X9
	VPBROADCASTD X9, Y9
	XORQ R12, R12

block:
	CMPQ SI, R9
	JGT  done
	CMPQ DI, R8
	JGT  done
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VPCMPEQB Y0, Y8, Y2
	VPCMPEQB Y1, Y8, Y3
	VPCMPEQB Y0, Y9, Y4
	VPCMPEQB Y1, Y9, Y5
	VPMOVMSKB Y2, AX
	VPMOVMSKB Y3, BX
	SHLQ $32, BX
	ORQ  BX, AX
	VPMOVMSKB Y4, CX
	VPMOVMSKB Y5, DX
	SHLQ $32, DX
	ORQ  DX, CX
	LEAQ (R12)(CX*2), DX // what stands behind a CR
	TESTQ AX, DX
	JNZ  done
	SHRQ $63, CX
	MOVQ CX, R12
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)

	TZCNTQ AX, BX // 64 if there is none
	MOVW $0x0a0d, (DI)(BX*1)
	VMOVDQU 1(SI)(BX*1), Y2
	VMOVDQU 33(SI)(BX*1), Y3
	VMOVDQU Y2, 2(DI)(BX*1)
	VMOVDQU Y3, 34(DI)(BX*1)

	BLSRQ AX, CX
	TZCNTQ CX, DX
	MOVW $0x0a0d, 1(DI)(DX*1)
	VMOVDQU 1(SI)(DX*1), Y2
	VMOVDQU 33(SI)(DX*1), Y3
	VMOVDQU Y2, 3(DI)(DX*1)
	VMOVDQU Y3, 35(DI)(DX*1)

	BLSRQ CX, CX
	TESTQ CX, CX
	JNZ  more

next:
	POPCNTQ AX, BX
	ADDQ $64, SI
	LEAQ 64(DI)(BX*1), DI
	JMP  block

more:
	LEAQ 2(DI), BX // two CRs have been put in

another:
	TZCNTQ CX, DX
	MOVW $0x0a0d, (BX)(DX*1)
	VMOVDQU 1(SI)(DX*1), Y2
	VMOVDQU 33(SI)(DX*1), Y3
	VMOVDQU Y2, 2(BX)(DX*1)
	VMOVDQU Y3, 34(BX)(DX*1)
	INCQ BX
	BLSRQ CX, CX
	TESTQ CX, CX
	JNZ  another
	JMP  next

done:
	VZEROUPPER
	SUBQ R11, DI
	SUBQ R10, SI
	MOVQ DI, n+48(FP)
	MOVQ SI, used+56(FP)
	RET
